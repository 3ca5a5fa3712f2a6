# common - messages, tools, what belongs to which architecture. Sourced by deploy/guest/make.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of deploy/guest/make

say() {
	printf 'guest: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 1
}

# What is needed cannot be had here: exit status 3, for who can do without a guest.
lacking() {
	say "$*"
	exit 3
}

wrong() {
	say "$*"
	usage >&2
	exit 2
}

# need TOOL PACKAGE
need() {
	command -v "$1" >/dev/null || lacking "no $1 here: install the package $2"
}

# Sets what differs. The kernels' meta packages are always there; what they depend on has
# the version in its name.
use_arch() {
	arch=$1
	dir=$out/$arch
	case $arch in
	amd64)
		meta=linux-image-amd64
		compiler=gcc
		compiler_package="gcc and libc6-dev"
		append="console=ttyS0 quiet mitigations=off"
		;;
	ppc64el)
		meta=linux-image-powerpc64le
		compiler=powerpc64le-linux-gnu-gcc
		compiler_package="gcc-powerpc64le-linux-gnu and libc6-dev-ppc64el-cross"
		append="console=hvc0 quiet mitigations=off"
		;;
	esac
	# a machine of another kind needs a compiler for amd64 by name
	[[ $arch != amd64 || $(dpkg --print-architecture) == amd64 ]] ||
		compiler=x86_64-linux-gnu-gcc compiler_package="gcc-x86-64-linux-gnu"
}

# Everything that is compiled into the workload, from the top of the tree.
workload_sources() {
	cat <<-'END'
		deploy/guest/main.c
		deploy/guest/memory.c
		deploy/guest/order.c
		deploy/guest/serve.c
		agent/partition/content.c
		agent/partition/line.c
		agent/partition/ring.c
		agent/partition/workload.c
		hvcore/base/clock.c
		hvcore/base/err.c
		hvcore/base/invariant.c
		hvcore/base/units.c
	END
}

# One word for everything of the tree that a guest is made from.
inputs_key() {
	local file
	{
		cat "$here/make" "$here"/make.d/*.sh "$here/init" "$here/poweroff"
		while read -r file; do
			cat "$source_dir/$file"
			[[ ! -f $source_dir/${file%.c}.h ]] || cat "$source_dir/${file%.c}.h"
		done < <(workload_sources)
		cat "$source_dir/hvcore/base/rng.h"
	} | sha256sum | cut -d ' ' -f 1
}

guest_files() {
	echo "$dir/vmlinux"
	echo "$dir/initrd.img"
	[[ $arch != amd64 ]] || echo "$dir/vmlinuz"
}

is_made() {
	local file
	[[ -z $update && -f $dir/made && $(head -n 1 "$dir/made") == "$key" ]] || return 1
	while read -r file; do [[ -s $file ]] || return 1; done < <(guest_files)
}

json_string() {
	local text=${1//\\/\\\\}
	printf '"%s"' "${text//\"/\\\"}"
}

say_json() {
	local between='' kernel_version busybox_version
	printf '{"guests":['
	for arch in "${archs[@]}"; do
		use_arch "$arch"
		{ read -r _ && read -r kernel_version && read -r busybox_version; } <"$dir/made"
		printf '%s{"arch":"%s","kernel":%s,"kernel_version":%s,"kernel_bytes":%d,' \
			"$between" "$arch" "$(json_string "$dir/vmlinux")" \
			"$(json_string "$kernel_version")" "$(stat -c %s "$dir/vmlinux")"
		printf '"initrd":%s,"initrd_bytes":%d,"busybox_version":%s,"append":%s}' \
			"$(json_string "$dir/initrd.img")" "$(stat -c %s "$dir/initrd.img")" \
			"$(json_string "$busybox_version")" "$(json_string "$append")"
		between=,
	done
	printf ']}\n'
}
