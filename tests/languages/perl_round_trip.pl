# Perl's own ways to write and to read a file.
# SEMANTICS: example-greeting, file-regular
use strict;
use warnings;
use File::Copy ();
use FindBin;
require "$FindBin::Bin/expect.pl";

my $path = name('text');
open my $out, '>', $path or die "FAILED: $!\n";
print {$out} "one\ntwo\n";
close $out or die "FAILED: $!\n";
open my $in, '<', $path or die "FAILED: $!\n";
same('a line', "one\n", scalar <$in>);
same('another line', "two\n", scalar <$in>);
same('end of file', 1, eof $in);
close $in;

open $out, '>>', $path or die "FAILED: $!\n";
print {$out} 'appended';
close $out or die "FAILED: $!\n";
open $in, '<', $path or die "FAILED: $!\n";
same('slurp', 'appended', do { local $/; <$in> });
close $in;

my $long = join '', map { "line $_\n" } 1 .. 200_000;
my $child = fork // die "FAILED: $!\n";
if ($child == 0) {
    open my $writer, '>', $path or die "FAILED: $!\n";
    print {$writer} $long;
    close $writer or die "FAILED: $!\n";
    exit 0;
}
open $in, '<', $path or die "FAILED: $!\n";
my @lines = <$in>;
same('a long text', 1, join('', @lines) eq $long);
waitpid $child, 0;
same('its writer', 0, $?);

open $out, '>', "$ENV{TMPDIR}/plain" or die "FAILED: $!\n";
print {$out} 'copied';
close $out;
File::Copy::copy("$ENV{TMPDIR}/plain", $path) or die "FAILED: copy to a pipe: $!\n";
File::Copy::copy($path, "$ENV{TMPDIR}/copy") or die "FAILED: copy from a pipe: $!\n";
open $in, '<', "$ENV{TMPDIR}/copy" or die "FAILED: $!\n";
same('File::Copy', 'copied', scalar <$in>);

refused('a missing name', Errno::ENOENT(), (open my $none, '<', name('missing')) || undef);
same('-f', 1, -f $path);
same('-p', '', -p _);
