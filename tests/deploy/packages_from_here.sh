# Sourced where a page's commands are typed: what they install comes from this machine instead of from the network.
# $PYTHON is the Python that has what livetomo needs, $PACKAGES where it has it, $REPOSITORY where livetomo lies.
python3() {
    "$PYTHON" "$@" --without-pip
    printf "%s\n%s\n" "$REPOSITORY" "$PACKAGES" > "$(echo "${@: -1}"/lib/python3.*/site-packages)/livetomo.pth"
    cat > "${@: -1}/bin/pip" <<PIP
#!/bin/sh
[ "\$*" = "install -c constraints.txt .[daemon]" ] || exit 1
printf "#!$(realpath "${@: -1}")/bin/python\nfrom livetomo.cli import main\nmain()\n" > "${@: -1}/bin/livetomo"
chmod +x "${@: -1}/bin/livetomo"
PIP
    chmod +x "${@: -1}/bin/pip"
}
