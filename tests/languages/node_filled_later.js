// Node waits for files in the threads of its pool: its loop goes on meanwhile, but no more reads
// can wait than the pool has threads (UV_THREADPOOL_SIZE, 4). It does not take a regular file for
// a socket.
// SEMANTICS: open-waits
'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const { fs, pause, pipe, refused, run, same } = require('./expect.js');

run(async () => {
  const text = pipe('text');
  let ticks = 0;
  const clock = setInterval(() => (ticks += 1), 10);
  const stream = fs.createReadStream(text, 'utf8');
  const pieces = [];
  stream.on('data', (piece) => pieces.push(piece));
  await pause(300);
  same('nothing yet', [], pieces);
  same('the loop goes on', true, ticks >= 3);
  clearInterval(clock);

  const writer = await fs.promises.open(text, 'w');
  for (const piece of ['one', 'two', 'three']) {
    const data = once(stream, 'data');
    await pause(50);
    await writer.write(piece);
    same('the stream wakes up', [piece], await data);
  }
  const end = once(stream, 'end');
  await writer.close();
  await end;
  same('all of it', ['one', 'two', 'three'], pieces);

  // As the standard input of another Node.
  const input = pipe('input');
  const server = await fs.promises.open(input, 'w');
  const fd = fs.openSync(input, 'r');
  const child = spawn(process.execPath, ['-e', 'process.stdin.pipe(process.stdout)'], {
    stdio: [fd, 'pipe', 'inherit'],
  });
  fs.closeSync(fd);
  child.stdout.setEncoding('utf8');
  const echo = once(child.stdout, 'data');
  await pause(300);
  await server.write('through standard input');
  same('process.stdin', ['through standard input'], await echo);
  const exit = once(child, 'exit');
  await server.close();
  same('it ends', [0, null], await exit);

  const regular = fs.openSync(input, 'w');
  refused('net.Socket', 'ERR_INVALID_FD_TYPE', () => new net.Socket({ fd: regular }));
});
