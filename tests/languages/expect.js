// What the Node programs here share: the mount's directory and how a failure is said.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');

const mount = process.argv[2];

/** A name on the mount, which need not exist. */
const name = (text) => path.join(mount, text);

/** A pipe without an instance, so that a reader may come first. */
const pipe = (text) => {
  fs.closeSync(fs.openSync(name(text), 'ax'));
  return name(text);
};

const same = (what, expected, got) => {
  assert.deepStrictEqual(got, expected, `FAILED: ${what}: expected ${expected}, got ${got}`);
  console.log('shown:', what);
};

/** The function fails with this error code. */
const refused = (what, code, work) => {
  assert.throws(work, { code }, `FAILED: ${what}: expected ${code}`);
  console.log('shown:', what);
};

/** One read of at most `size` bytes. */
const read = (fd, size) => {
  const buffer = Buffer.alloc(size);
  return buffer.toString('utf8', 0, fs.readSync(fd, buffer, 0, size, null));
};

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Runs `main`; a promise that fails or is never fulfilled is a failure. */
const run = (main) => {
  process.exitCode = 3;
  main().then(
    () => (process.exitCode = 0),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
};

module.exports = { fs, name, pause, pipe, read, refused, run, same };
