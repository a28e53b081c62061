"""Build the guest's disk, kernel and initial ramdisk, once a week or when what they are made of changes.

Debian trixie as mmdebstrap makes it from the mirror that this host's apt uses, with the files of `guest/`
laid over it. Nothing of Backstride is in it: each run installs the real package, as a user would.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

HERE: Final = Path(__file__).parent
OVERLAY: Final = HERE / "guest"
SUITE: Final = "trixie"
PACKAGES: Final = (
    *("linux-image-amd64", "initramfs-tools", "systemd-sysv", "udev", "dbus", "kmod", "iproute2"),
    *("openssh-server", "sudo", "procps", "psmisc", "util-linux", "util-linux-extra"),
    *("bluez", "rfkill", "mosquitto", "mosquitto-clients", "python3", "bash-completion"),
)
IDLERS: Final = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"),
    *("fstrim.timer", "e2scrub_reap.service", "getty@tty1.service"),
)
"""They would work in the middle of something that is timed."""
SIZE: Final = "3G"
"""Of the disk, most of it a hole; a day of journals and a full disk both fit."""
PATIENCE_S: Final = 900
KEEP_S: Final = 14 * 86_400
_MIRROR: Final = re.compile(r"https?://\S+?/debian(?=/?\s|/?$)", re.MULTILINE)


class Image(NamedTuple):
    """What QEMU boots, and the key that opens it."""

    disk: Path
    kernel: Path
    initrd: Path
    key: Path
    manifest: Path


def provide_image() -> Image:
    """The image of this week; built first where it is not in the cache.

    Raises:
        subprocess.CalledProcessError: it cannot be built.
    """
    cache = Path(os.environ.get("BACKSTRIDE_VM_CACHE") or Path.home() / ".cache/backstride-vm")
    place = cache / _fingerprint()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        # Two at once would build it twice.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            _forget_old(cache)
            draft = Path(tempfile.mkdtemp(prefix="draft-", dir=cache))
            try:
                _build(draft)
                draft.rename(place)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return Image(*(place / name for name in ("disk", "kernel", "initrd", "key", "manifest")))


def _forget_old(cache: Path) -> None:
    """Whatever is older than a fortnight: younger ones may be in use."""
    for old in cache.iterdir():
        if old.is_dir() and time.time() - old.stat().st_mtime > KEEP_S:
            shutil.rmtree(old, ignore_errors=True)


def _fingerprint() -> str:
    """Of everything that the image is made of: the recipe, the overlay and the week's Debian."""
    content = hashlib.sha256("\0".join([*_recipe(Path("/"), Path("/")), SIZE]).encode())
    for path in sorted(OVERLAY.rglob("*")):
        if path.is_file():
            content.update(f"{path.relative_to(OVERLAY)}\0".encode() + path.read_bytes())
    week = datetime.now(UTC).strftime("%G-W%V")
    return f"{SUITE}-{week}-{content.hexdigest()[:12]}"


def _recipe(place: Path, overlay: Path) -> list[str]:
    """What makes the tree, and puts kernel, initial ramdisk and manifest beside it."""
    return [
        *["mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"],
        "--dpkgopt=force-unsafe-io",
        *[f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("man", "locale", "doc")],
        "--dpkgopt=path-include=/usr/share/doc/backstride/*",
        *['--aptopt=Acquire::Languages "none"', "--aptopt=Acquire::Retries 3"],
        f"--essential-hook=sync-in {overlay} /",
        "--essential-hook=chroot $1 chown -R 0:0 /etc /usr/local",
        "--customize-hook=chroot $1 mkdir -p -m 700 /root/.ssh",
        f"--customize-hook=upload {place / 'key.pub'} /root/.ssh/authorized_keys",
        "--customize-hook=chroot $1 chown -R 0:0 /root",
        "--customize-hook=chroot $1 useradd --create-home --shell /bin/bash walker",
        "--customize-hook=chroot $1 systemctl enable vm-network vm-radio",
        f"--customize-hook=chroot $1 systemctl mask {' '.join(IDLERS)}",
        f"--customize-hook=chroot $1 dpkg-query -W > {place / 'manifest'}",
        f"--customize-hook=cat $1/boot/vmlinuz-* > {place / 'kernel'}",
        f"--customize-hook=cat $1/boot/initrd.img-* > {place / 'initrd'}",
        *[SUITE, str(place / "tree.tar"), str(place / "sources")],
    ]


def _mirror() -> str:
    """Debian's mirror as apt on this host knows it, or Debian's own."""
    apt = Path("/etc/apt")
    sources = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    for source in sources:
        if source.is_file() and (found := _MIRROR.search(source.read_text(encoding="utf-8"))):
            return found[0]
    return "http://deb.debian.org/debian"


def _build(place: Path) -> None:
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    sources = f"deb [signed-by={keyring}] {_mirror()} {SUITE} main\n"
    (place / "sources").write_text(sources, encoding="utf-8")
    root = place / "root"
    root.mkdir()
    unpack = f"tar -xf {place / 'tree.tar'} -C {root}"
    pack = f"mke2fs -q -t ext4 -d {root} {place / 'disk'} {SIZE}"
    with (place / "build.log").open("wb") as words:
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "vm", "-f", str(place / "key")]
        _run(key, words)
        _run(_recipe(place, OVERLAY), words)
        _run([*_as_root(), "sh", "-c", f"{unpack} && {pack}"], words)
    shutil.rmtree(root)
    (place / "tree.tar").unlink()


def _run(command: list[str], words: BinaryIO) -> None:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    subprocess.run(  # noqa: S603  our own commands
        command, stdout=words, stderr=words, env=environment, timeout=PATIENCE_S, check=True
    )


def _as_root() -> list[str]:
    """Files get the owners that the archive names, on the disk if not on this host."""
    return [] if os.geteuid() == 0 else ["fakeroot", "--"]


if __name__ == "__main__":
    print(*provide_image(), sep="\n")
