"""shutil.copyfile from a pipe and to a pipe; it tries sendfile first and refuses FIFOs."""

# SEMANTICS: file-splice, file-regular

import errno
import os
import shutil

from expect import later, name, pipe, refused, same, scratch

plain = scratch("plain")
with open(plain, "wb") as file:
    file.write(os.urandom(3_000_000))
content = open(plain, "rb").read()

waiting = pipe("waiting")
with open(waiting, "wb") as file:
    file.write(b"short")
shutil.copyfile(waiting, scratch("copy"))
same("from a pipe with data", b"short", open(scratch("copy"), "rb").read())

arriving = pipe("arriving")
writer = later(lambda: open(arriving, "wb").write(content))
shutil.copyfile(arriving, scratch("copy"))
writer.join()
same("from a pipe that is filled later", content, open(scratch("copy"), "rb").read())

target = pipe("target")
writer = later(shutil.copyfile, plain, target)
same("to a pipe", content, open(target, "rb").read())
writer.join()

writer = later(shutil.copyfile, plain, target, seconds=0)
with open(target, "rb") as source, open(scratch("copy"), "wb") as copy:
    shutil.copyfileobj(source, copy)
writer.join()
same("copyfileobj", content, open(scratch("copy"), "rb").read())

# It asks where it is in the target when sendfile fails: that a pipe cannot say.
with open(waiting, "wb") as file:
    file.write(b"stays")
refused("from a pipe to a pipe", errno.ESPIPE, shutil.copyfile, waiting, target)

new = name("new")
shutil.copyfile(scratch("copy"), scratch("again"))
writer = later(shutil.copy2, plain, arriving)
shutil.copy(arriving, scratch("again"))
writer.join()
same("copy2 to a pipe, copy from it", content, open(scratch("again"), "rb").read())

with open(waiting, "wb") as file:
    file.write(b"moved")
shutil.move(waiting, new)
shutil.move(new, scratch("moved"))
same("move out of the mount", b"moved", open(scratch("moved"), "rb").read())
same("the name has gone", False, os.path.exists(new))
