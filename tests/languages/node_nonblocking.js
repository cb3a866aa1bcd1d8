// O_NONBLOCK at open: EAGAIN for readers and writers.
// SEMANTICS: wait-nonblock, write-full
'use strict';

const { fs, pipe, read, refused, run, same } = require('./expect.js');
const { O_RDONLY, O_WRONLY, O_NONBLOCK } = fs.constants;

run(async () => {
  const text = pipe('text');
  const reader = fs.openSync(text, O_RDONLY | O_NONBLOCK);
  refused('a pending client', 'EAGAIN', () => read(reader, 10));
  const writer = fs.openSync(text, O_WRONLY | O_NONBLOCK);
  refused('a connected client', 'EAGAIN', () => read(reader, 10));
  fs.writeSync(writer, 'text');
  same('what was written', 'text', read(reader, 10));
  refused('nothing is left', 'EAGAIN', () => read(reader, 10));

  const block = Buffer.alloc(65536);
  let taken = 0;
  refused('a full lane', 'EAGAIN', () => {
    for (;;) taken += fs.writeSync(writer, block);
  });
  same('its capacity', 1 << 20, taken);
  const room = Buffer.alloc(1 << 20);
  let left = taken;
  while (left > 0) left -= fs.readSync(reader, room, 0, room.length, null);
  same('all of it can be read', 0, left);
  fs.writeSync(writer, 'again');
  same('and there is room', 'again', read(reader, 10));
});
