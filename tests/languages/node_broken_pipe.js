// A writer whose reader has gone gets EPIPE: a call fails, a stream says 'error'.
// SEMANTICS: close-client
'use strict';

const { once } = require('node:events');
const { fs, pipe, read, refused, run, same } = require('./expect.js');

run(async () => {
  const text = pipe('text');
  const writer = fs.openSync(text, 'w');
  fs.writeSync(writer, '0123456789');
  const reader = fs.openSync(text, 'r');
  same('a part', '0123', read(reader, 4));
  fs.closeSync(reader);
  refused('a write', 'EPIPE', () => fs.writeSync(writer, 'x'));
  fs.closeSync(writer);

  const stream = fs.createWriteStream(text);
  await once(stream, 'open');
  const other = fs.openSync(text, 'r');
  const failed = once(stream, 'error');
  const block = Buffer.alloc(100000);
  const more = (error) => error || stream.write(block, more);
  stream.write(block, more);
  setTimeout(() => fs.closeSync(other), 200);
  const [error] = await failed;
  same('a stream that waits while its reader goes', 'EPIPE', error.code);

  fs.writeFileSync(text, 'next');
  same('the pipe is usable', 'next', fs.readFileSync(text, 'utf8'));
});
