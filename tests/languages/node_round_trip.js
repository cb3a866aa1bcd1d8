// Node's own ways to write and to read a file.
// SEMANTICS: example-greeting, create-missing
'use strict';

const os = require('node:os');
const path = require('node:path');
const stream = require('node:stream/promises');
const { fs, name, pause, pipe, refused, run, same } = require('./expect.js');

run(async () => {
  const text = name('text');
  fs.writeFileSync(text, 'hello\n');
  same('readFileSync', 'hello\n', fs.readFileSync(text, 'utf8'));
  await fs.promises.writeFile(text, 'promised');
  same('promises.readFile', 'promised', await fs.promises.readFile(text, 'utf8'));
  fs.appendFileSync(text, 'appended');
  const called = await new Promise((resolve, reject) => {
    fs.readFile(text, 'utf8', (error, data) => (error ? reject(error) : resolve(data)));
  });
  same('appendFile, readFile', 'appended', called);

  const long = '0123456789abcde\n'.repeat(200000);
  const reading = fs.promises.readFile(text, 'utf8');
  await pause(200);
  await fs.promises.writeFile(text, long);
  same('a long text that comes later', true, (await reading) === long);

  const plain = path.join(os.tmpdir(), 'plain');
  const copy = path.join(os.tmpdir(), 'copy');
  fs.writeFileSync(plain, long);
  const other = pipe('other');
  await Promise.all([
    stream.pipeline(fs.createReadStream(plain), fs.createWriteStream(text)),
    stream.pipeline(fs.createReadStream(text), fs.createWriteStream(other)),
    stream.pipeline(fs.createReadStream(other), fs.createWriteStream(copy)),
  ]);
  same('streams: file, pipe, pipe, file', true, fs.readFileSync(copy, 'utf8') === long);

  const copied = fs.promises.copyFile(plain, text);
  same('copyFile to a pipe', true, (await fs.promises.readFile(text, 'utf8')) === long);
  await copied;

  // Node copies as many bytes as the size says.
  fs.writeFileSync(text, 'lost');
  fs.copyFileSync(text, copy);
  same('copyFile from a pipe', '', fs.readFileSync(copy, 'utf8'));

  refused('a missing name', 'ENOENT', () => fs.readFileSync(name('missing')));
  refused('flag wx on an existing name', 'EEXIST', () => fs.openSync(text, 'wx'));
  same('isFile', true, fs.statSync(text).isFile());
  same('size', 0, fs.statSync(text).size);
});
