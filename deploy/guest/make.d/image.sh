# image - unpacks, compiles and packs one guest. Sourced by deploy/guest/make.
# shellcheck shell=bash disable=SC2154 # variables of deploy/guest/make

# What a guest of QEMU needs to see its devices and its power button, and to say that it
# panicked; what is built in is passed over.
MODULES=(virtio_pci virtio_balloon virtio_blk virtio_net button evdev pvpanic_mmio)
X86_MODULES=' button pvpanic_mmio ' # POWER has neither: RTAS is asked and told
# Where they and what they depend on lie.
MODULE_FILES=(drivers/virtio drivers/block/virtio_blk.ko drivers/net/virtio_net.ko
	drivers/net/net_failover.ko net/core/failover.ko drivers/acpi/button.ko drivers/input/evdev.ko
	drivers/misc/pvpanic)

need_tools() {
	need apt-get apt
	need dpkg-deb dpkg
	need cpio cpio
	need gzip gzip
	need xz xz-utils
	need "$compiler" "$compiler_package"
}

# unpack_kernel FILE: the kernel and the few modules that are wanted of 300 MB.
unpack_kernel() {
	local file=$1 pattern patterns=('./boot/vmlinu*' './lib/modules/*/modules.builtin')
	for pattern in "${MODULE_FILES[@]}"; do
		patterns+=("./lib/modules/*/kernel/$pattern")
	done
	say "$arch: unpacking $(basename "$file")"
	mkdir -p "$work/kernel"
	# a pattern that nothing matches is no error: not every kernel has every module
	dpkg-deb --fsys-tarfile "$file" |
		tar -x -C "$work/kernel" --wildcards "${patterns[@]}" 2>"$work/tar.log" ||
		! grep -v -e 'Not found in archive' -e 'Exiting with failure' "$work/tar.log" >&2 ||
		die "cannot unpack '$file'"
}

# Debian's amd64 kernel unpacks itself, which takes an emulated processor longer than all
# else; QEMU also takes what it holds, an ELF file with an entry for PVH.
unpack_vmlinuz() {
	local offset
	cp "$1" "$dir/vmlinuz"
	offset=$(LC_ALL=C grep -abo $'\xfd7zXZ' "$1" | head -n 1 | cut -d : -f 1)
	[[ -n $offset ]] || die "'$1' is not packed by xz: this script does not know how to unpack it"
	# what follows the packed part is no concern of xz, but it says so
	tail -c "+$((offset + 1))" "$1" | xz -dc --single-stream >"$work/vmlinux" 2>/dev/null || true
	[[ $(head -c 4 "$work/vmlinux") == $'\x7fELF' ]] || die "no kernel found in '$1'"
	mv "$work/vmlinux" "$dir/vmlinux"
}

take_kernel() {
	local file
	file=$(find "$work/kernel/boot" -name 'vmlinu*' -type f | head -n 1)
	[[ -n $file ]] || die "no kernel in $kernel_package"
	case $arch in
	amd64) unpack_vmlinuz "$file" ;;
	*) cp "$file" "$dir/vmlinux" ;;
	esac
}

module_file() {
	find "$work/kernel/lib/modules" -name '*.ko' |
		grep -E "/${1//[-_]/[-_]}\.ko\$" | head -n 1 || true
}

module_is_built_in() {
	cat "$work"/kernel/lib/modules/*/modules.builtin |
		grep -qE "/${1//[-_]/[-_]}\.ko\$"
}

# add_module NAME: after those that it depends on, each once.
add_module() {
	local name=$1 file depends other
	[[ " ${modules_added[*]} " != *" $name "* ]] || return 0
	modules_added+=("$name")
	! module_is_built_in "$name" || return 0
	file=$(module_file "$name")
	if [[ -z $file ]]; then
		[[ $arch != amd64 && $X86_MODULES == *" $name "* ]] && return 0
		die "$kernel_package has no module $name where it was looked for"
	fi
	depends=$(tr '\0' '\n' <"$file" | sed -n 's/^depends=//p' | head -n 1)
	for other in ${depends//,/ }; do add_module "$other"; done
	cp "$file" "$root/lib/modules/"
	basename "$file" >>"$root/lib/modules/order"
}

compile_workload() {
	local sources
	say "$arch: compiling the workload"
	mapfile -t sources < <(workload_sources)
	(cd "$source_dir" && "$compiler" -std=gnu17 -O2 -D_GNU_SOURCE -I. -Wall -Wextra \
		-fno-strict-aliasing -ffunction-sections -static -s -Wl,--gc-sections \
		-o "$root/bin/tarn-workload" "${sources[@]}" -lm) ||
		die "cannot compile the workload for $arch ($compiler_package needed)"
}

# busybox FILE
make_root() {
	local name modules_added=()
	root=$work/root
	mkdir -p "$root"/{bin,sbin,dev,proc,sys,tmp,lib/modules,etc/acpi/PWRF}
	dpkg-deb --fsys-tarfile "$1" | tar -x -O ./bin/busybox >"$root/bin/busybox"
	chmod 755 "$root/bin/busybox"
	: >"$root/lib/modules/order"
	for name in "${MODULES[@]}"; do add_module "$name"; done
	compile_workload
	install -m 755 "$here/init" "$root/init"
	install -m 755 "$here/poweroff" "$root/sbin/poweroff"
	ln -s /sbin/poweroff "$root/etc/acpi/PWRF/00000080"
}

# The same files make the same bytes. /dev/console is in every kernel's own archive.
pack_root() {
	say "$arch: packing initrd.img"
	find "$root" -exec touch -h -d @0 {} +
	(cd "$root" && find . -mindepth 1 | LC_ALL=C sort |
		cpio -o -H newc --quiet --reproducible --owner 0:0 | gzip -n -9) >"$work/initrd.img"
	mv "$work/initrd.img" "$dir/initrd.img"
}

make_guest() {
	local work root fetched kernel_package
	need_tools
	make_apt
	update_lists
	find_kernel
	fetch "$kernel_package" busybox-static
	mkdir -p "$dir"
	rm -f "$dir/made"
	work=$(mktemp -d -p "$out" work.XXXXXX)
	trap 'rm -rf "$work"' EXIT
	unpack_kernel "${fetched[0]}"
	take_kernel
	make_root "${fetched[1]}"
	pack_root
	{
		echo "$key"
		package_version "${fetched[0]}"
		package_version "${fetched[1]}"
	} >"$dir/made"
	rm -rf "$work"
	trap - EXIT
	say "$arch: made: kernel $(sed -n 2p "$dir/made"), initrd.img of $(($(stat -c %s "$dir/initrd.img") / 1024)) KiB"
}
