// A read returns what is there, up to its size, and never waits to fill the buffer.
// SEMANTICS: read-available, file-seek
'use strict';

const { fs, pipe, read, refused, run, same } = require('./expect.js');

run(async () => {
  const text = pipe('text');
  const writer = fs.openSync(text, 'w');
  const reader = fs.openSync(text, 'r');
  fs.writeSync(writer, 'hello');
  same('a large buffer', 'hello', read(reader, 1 << 20));
  fs.writeSync(writer, 'ab');
  fs.writeSync(writer, 'cd');
  same('two writes are joined', 'abcd', read(reader, 100));
  fs.writeSync(writer, '0123456789');
  same('the first piece', '0123', read(reader, 4));
  same('the second piece', '4567', read(reader, 4));
  same('the last piece', '89', read(reader, 4));
  refused('a read at a position', 'ESPIPE', () => fs.readSync(reader, Buffer.alloc(1), 0, 1, 5));
  fs.writeSync(writer, 'last');
  fs.closeSync(writer);
  same('what is buffered at the close', 'last', read(reader, 100));
  same('end of file', '', read(reader, 100));
  same('end of file again', '', read(reader, 100));

  // A stream gives each piece as it comes.
  const stream = fs.createReadStream(text, 'utf8');
  const second = await fs.promises.open(text, 'w');
  const pieces = [];
  await second.write('piece 0');
  for await (const piece of stream) {
    pieces.push(piece);
    if (pieces.length < 3) await second.write(`piece ${pieces.length}`);
    else await second.close();
  }
  same('a stream', ['piece 0', 'piece 1', 'piece 2'], pieces);
});
