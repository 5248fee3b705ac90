"""Unpacks from TensorFlow's wheels what the addon needs: unpack_wheels.py FOLDER_OF_WHEELS TARGET.

TARGET gets lib/ (TensorFlow's two libraries), include/ (the headers of its C API) and, from CUDA wheels, nvidia/.
"""

import os
import shutil
import stat
import sys
import zipfile

HEADERS = (
    "tensorflow/include/tensorflow/c/",
    "tensorflow/include/tensorflow/core/platform/ctstring",
    "tensorflow/include/tsl/platform/ctstring",
    "tensorflow/include/tsl/platform/platform.h",
    "tensorflow/include/xla/tsl/c/",
)
LIBRARIES = ("tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2")
NOTICES = ("tensorflow/THIRD_PARTY_NOTICES.txt",)


def target_of(member):
    """Where a wheel's member goes below TARGET, or None if it is not needed."""
    if member.endswith("/"):
        return None
    if member in LIBRARIES:
        return "lib/" + os.path.basename(member)
    if member in NOTICES:
        return os.path.basename(member)
    if member.startswith(HEADERS) and member.endswith(".h"):
        return member[len("tensorflow/"):]
    if member.startswith("nvidia/"):
        needless = "/include/" in member or member.endswith((".a", ".py"))
        return None if needless else member
    return None


def unpack(wheel, target):
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            relative = target_of(info.filename)
            if relative is None:
                continue
            path = os.path.join(target, relative)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with archive.open(info) as source, open(path, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
            if (info.external_attr >> 16) & stat.S_IXUSR:
                os.chmod(path, 0o755)


def main(folder, target):
    for name in sorted(os.listdir(folder)):
        if name.endswith(".whl"):
            unpack(os.path.join(folder, name), target)
    for library in ("tensorflow_cc", "tensorflow_framework"):
        if not os.path.exists(os.path.join(target, "lib", "lib%s.so.2" % library)):
            sys.exit("lib%s.so.2 is not in the wheel" % library)
    # The names that tfjs-node links against.
    os.symlink("libtensorflow_cc.so.2", os.path.join(target, "lib", "libtensorflow.so"))
    os.symlink("libtensorflow_framework.so.2", os.path.join(target, "lib", "libtensorflow_framework.so"))


main(*sys.argv[1:])
