# O_NONBLOCK at open and later, and select with four arguments.
# SEMANTICS: wait-nonblock, poll-reader, poll-pending
use strict;
use warnings;
use Errno ();
use Fcntl;
use FindBin;
use IO::Handle;
require "$FindBin::Bin/expect.pl";

sub readable {
    my ($file, $seconds) = @_;
    my $set = '';
    vec($set, fileno $file, 1) = 1;
    return 0 + select $set, undef, undef, $seconds;
}

my $path = pipe_name('text');
sysopen my $reader, $path, O_RDONLY | O_NONBLOCK or die "FAILED: $!\n";
refused('a pending client', Errno::EAGAIN(), take($reader, 10));
same('select on it', 0, readable($reader, 0.2));
sysopen my $writer, $path, O_WRONLY | O_NONBLOCK or die "FAILED: $!\n";
refused('a connected client', Errno::EAGAIN(), take($reader, 10));
syswrite $writer, 'text';
same('select with data', 1, readable($reader, 10));
same('what was written', 'text', take($reader, 10));

my $block = "\0" x 65536;
my ($taken, $count) = (0, 0);
$taken += $count while $count = syswrite $writer, $block;
refused('a full lane', Errno::EAGAIN(), $count);
same('its capacity', 1 << 20, $taken);
$taken -= length take($reader, 1 << 20) while $taken > 0;
same('all of it can be read', 0, $taken);
refused('nothing is left', Errno::EAGAIN(), take($reader, 10));

$reader->blocking(1);
my $child = fork // die "FAILED: $!\n";
if ($child == 0) {
    select undef, undef, undef, 0.2;
    syswrite $writer, 'later';
    exit 0;
}
same('a read that waits', 'later', take($reader, 10));
waitpid $child, 0;
same('its writer', 0, $?);
