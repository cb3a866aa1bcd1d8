# A read returns what is there, up to its size, and never waits to fill the buffer.
# SEMANTICS: read-available, file-seek
use strict;
use warnings;
use Errno ();
use FindBin;
require "$FindBin::Bin/expect.pl";

my $path = pipe_name('text');
open my $writer, '>', $path or die "FAILED: $!\n";
open my $reader, '<', $path or die "FAILED: $!\n";
syswrite $writer, 'hello';
same('a large buffer', 'hello', take($reader, 1 << 20));
syswrite $writer, 'ab';
syswrite $writer, 'cd';
same('two writes are joined', 'abcd', take($reader, 100));
syswrite $writer, '0123456789';
same('the first piece', '0123', take($reader, 4));
same('the second piece', '4567', take($reader, 4));
same('the last piece', '89', take($reader, 4));
refused('sysseek', Errno::ESPIPE(), sysseek($reader, 0, 1) || undef);
syswrite $writer, 'last';
close $writer;
same('what is buffered at the close', 'last', take($reader, 100));
same('end of file', '', take($reader, 100));
same('end of file again', '', take($reader, 100));
