# packages - kernel and busybox of an architecture, by apt, beside this machine's package
# system. Sourced by deploy/guest/make.
# shellcheck shell=bash disable=SC2154 # variables of deploy/guest/make

# Its own lists and cache; the sources, keys and proxies of this machine. Hooks of this
# machine are not run: they are about its own lists.
make_apt() {
	apt=$out/apt
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/packages" "$apt/coming"
	: >"$apt/status" # nothing is installed
	cat >"$apt/conf" <<-END
		#clear APT::Architectures;
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear DPkg::Post-Invoke;
		APT::Architecture "$(dpkg --print-architecture)";
		APT::Architectures { "$(dpkg --print-architecture)"; "amd64"; "ppc64el"; };
		Dir::State "$apt";
		Dir::State::status "$apt/status";
		Dir::State::lists "$apt/lists";
		Dir::Cache "$apt/cache";
		Dir::Cache::pkgcache "pkgcache.bin";
		Dir::Cache::srcpkgcache "srcpkgcache.bin";
		Acquire::Languages "none";
		Acquire::Retries "3";
	END
	if [[ $EUID -eq 0 ]] && id -u _apt >/dev/null 2>&1; then
		chown _apt "$apt/coming" # apt-get fetches as that user
	fi
}

apt_run() {
	"$1" -c "$apt/conf" "${@:2}"
}

# Lists of the last day are good enough for who did not ask for newer packages.
lists_are_fresh() {
	[[ -z $update && -n $(find "$apt/lists_stamp" -mmin -1440 2>/dev/null) ]]
}

# An index that cannot be had (a mirror being written, a source without this architecture)
# is not missed as long as another has the packages: those are asked for next.
update_lists() {
	[[ -z ${lists_are_new:-} ]] || return 0
	lists_are_new=yes
	! lists_are_fresh || return 0
	say "package lists"
	apt_run apt-get update -qq -o APT::Update::Error-Mode=any >"$apt/update.log" 2>&1 ||
		say "some package lists could not be had; going on with what is there"
	: >"$apt/lists_stamp" # goes again where a package is not found in them
}

has_no_package() {
	tail -n 3 "$apt/update.log" >&2 2>/dev/null || true
	rm -f "$apt/lists_stamp"
	lacking "no package $1 for $arch in the lists: no network, or no Debian source in /etc/apt"
}

# Sets kernel_package: what the meta package depends on, with the version in its name.
find_kernel() {
	kernel_package=$(apt_run apt-cache show --no-all-versions "$meta:$arch" 2>/dev/null |
		sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,]*\).*/\1/p' | head -n 1) || true
	[[ -n $kernel_package ]] || has_no_package "$meta"
}

# fetch PACKAGE...: sets fetched to their files, in this order. apt compares what it
# fetches with the signed lists; what is there was compared when it came.
fetch() {
	local name file missing=()
	apt_run apt-get download --print-uris "${@/%/:$arch}" 2>/dev/null |
		sed -n "s/^'[^']*' \([^ ]*\) .*/\1/p" >"$apt/files" || true
	fetched=()
	for name in "$@"; do
		file=$(grep "^${name}_" "$apt/files" | head -n 1) || true
		[[ -n $file ]] || has_no_package "$name"
		fetched+=("$apt/packages/$file")
		[[ -f $apt/packages/$file ]] || missing+=("$name")
	done
	[[ ${#missing[@]} -gt 0 ]] || return 0
	say "$arch: fetching ${missing[*]}"
	for name in "${missing[@]}"; do # an older one is not used again
		rm -f "$apt/packages/${name%%[0-9]*}"*"_$arch.deb"
	done
	(cd "$apt/coming" && apt_run apt-get download -qq "${missing[@]/%/:$arch}") >&2 ||
		lacking "cannot fetch ${missing[*]} for $arch"
	mv "$apt/coming"/*"_$arch.deb" "$apt/packages/" # whole, or not there
	for file in "${fetched[@]}"; do
		[[ -f $file ]] || die "apt-get download left no '$file'"
	done
}

package_version() {
	dpkg-deb -f "$1" Version
}
