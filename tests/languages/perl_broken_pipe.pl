# A writer whose reader has gone gets EPIPE, and no signal.
# SEMANTICS: close-client
use strict;
use warnings;
use Errno ();
use FindBin;
require "$FindBin::Bin/expect.pl";

my $signals = 0;
local $SIG{PIPE} = sub { $signals++ };
my $path = pipe_name('text');
open my $writer, '>', $path or die "FAILED: $!\n";
syswrite $writer, '0123456789';
open my $reader, '<', $path or die "FAILED: $!\n";
same('a part', '0123', take($reader, 4));
close $reader;
refused('a write', Errno::EPIPE(), scalar syswrite $writer, 'x');
close $writer;

open $writer, '>', $path or die "FAILED: $!\n";
my $child = fork // die "FAILED: $!\n";
if ($child == 0) {
    close $writer;
    open $reader, '<', $path or die "FAILED: $!\n";
    take($reader, 1 << 20);
    exit 0;
}
my $block = "\0" x 100_000;
my $count;
1 while $count = syswrite $writer, $block;
refused('a write that waits while its reader goes', Errno::EPIPE(), $count);
waitpid $child, 0;
same('the reader', 0, $?);
same('no signal', 0, $signals);
