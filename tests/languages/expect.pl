# What the Perl programs here share: the mount's directory and how a failure is said.
use strict;
use warnings;
use Errno ();

# A name on the mount, which need not exist.
sub name { return "$ARGV[0]/$_[0]" }

# A pipe without an instance, so that a reader may come first.
sub pipe_name {
    my $path = name($_[0]);
    open my $file, '>', $path or die "FAILED: cannot make $path: $!\n";
    close $file or die "FAILED: cannot close $path: $!\n";
    return $path;
}

sub same {
    my ($what, $expected, $got) = @_;
    die "FAILED: $what: expected [$expected], got [" . ($got // 'undef') . "]\n"
        unless defined $got && $expected eq $got;
    print "shown: $what\n";
    return;
}

# The result is false and $! is this error.
sub refused {
    my ($what, $number, $result) = @_;
    my $got = $! + 0;
    die "FAILED: $what: it worked\n" if defined $result;
    local $! = $number;
    my $expected = "$!";
    local $! = $got;
    die "FAILED: $what: expected $expected, got $!\n" unless $got == $number;
    print "shown: $what\n";
    return;
}

# One read of at most $size bytes.
sub take {
    my ($file, $size) = @_;
    my $data;
    return defined sysread($file, $data, $size) ? $data : undef;
}

1;
