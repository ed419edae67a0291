# Run as root in its own mount, network and process namespaces: a copy of this machine in which nothing stays.
# $1: an empty folder; $2: the repository; $3: the Python that has what livetomo needs; $4: the commands to type.
set -euo pipefail
mount -t tmpfs -o size=64g none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for place in /proc /dev /sys; do mount --rbind "$place" "$1/root$place"; done
cp "$4" "$1/root/commands.sh"
ip link set lo up
exec chroot "$1/root" /bin/bash -c '
set -euo pipefail
mount -t tmpfs none /run
# Users other than root must come to the interpreter and the repository, wherever these lie.
for place in "$1" "$2" "$(readlink -f "$2")"; do
    while [ "$place" != / ]; do chmod o+rx "$place"; place=$(dirname "$place"); done
done
packages=$("$2" -c "import sys; print(*(path for path in sys.path if path.endswith(\"site-packages\")), sep=\"\n\")")
# What is not done as it is typed: packages come from this machine instead of from the network, and systemd is unit.py.
apt-get() { for package in "${@:3}"; do case $package in python3*) ;; *) dpkg -s "$package" >/dev/null ;; esac; done; }
docker() {
    case "$1 $2" in
        "run --rm") mkdir -p /secrets; mount --bind "${4%%:*}" /secrets; "${@:6}" 2>&1; umount /secrets ;;
        "compose up") echo "COMPOSE in $PWD" ;;
        *) echo "docker $*: not known here" >&2; exit 1 ;;
    esac
}
systemctl() {
    case $1 in
        daemon-reload) ;;
        restart | start) "$PYTHON" tests/deploy/unit.py "$2" ;;
        enable) "$PYTHON" tests/deploy/unit.py "$3" ;;
        stop) kill "$(cat /run/"$2".pid)"; while kill -0 "$(cat /run/"$2".pid)" 2>/dev/null; do sleep 0.1; done ;;
        *) echo "systemctl $*: not known here" >&2; exit 1 ;;
    esac
}
PYTHON=$2 REPOSITORY=$1 PACKAGES=$packages
unset PYTHONPATH VIRTUAL_ENV
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin OMP_NUM_THREADS=1
cd "$1"
. tests/deploy/packages_from_here.sh
. /commands.sh
' bash "$2" "$3"
