/* commands - every HMC command that there is; see hmc.h. */
#include "cli/hmc/commands.h"

/* clang-format off */
#define NEED(name_, metavar_) { name_, HMC_TEXT, true, metavar_ }
#define TEXT(name_, metavar_) { name_, HMC_TEXT, false, metavar_ }
#define FLAG(name_)           { name_, HMC_FLAG, false, NULL }
#define LIST_OPTIONS \
	TEXT("filter", "FILTER"), { "F", HMC_MAYBE, false, "ATTRIBUTES" }, FLAG("header")

static const struct hmc_option lssyscfg[] = {
	NEED("r", "{sys|lpar|prof|sysprof|frame|cage}"), TEXT("m", "SYSTEM"),
	LIST_OPTIONS, { 0 },
};
static const struct hmc_option mksyscfg[] = {
	NEED("r", "{lpar|prof}"), NEED("m", "SYSTEM"), TEXT("i", "DATA"), TEXT("f", "FILE"), { 0 },
};
static const struct hmc_option chsyscfg[] = {
	NEED("r", "{lpar|prof|sys}"), NEED("m", "SYSTEM"), TEXT("i", "DATA"), TEXT("f", "FILE"),
	TEXT("o", "apply"), TEXT("p", "LPAR"), TEXT("id", "ID"), TEXT("n", "PROFILE"),
	FLAG("force"), { 0 },
};
static const struct hmc_option rmsyscfg[] = {
	NEED("r", "{lpar|prof}"), NEED("m", "SYSTEM"), TEXT("n", "NAME"), TEXT("id", "ID"),
	TEXT("p", "LPAR"), FLAG("vioscfg"), FLAG("vdisks"), { 0 },
};
static const struct hmc_option chsysstate[] = {
	NEED("r", "{lpar|sys}"), NEED("m", "SYSTEM"), NEED("o", "{on|off|shutdown|osshutdown}"),
	TEXT("n", "LPAR"), TEXT("id", "ID"), TEXT("f", "PROFILE"), TEXT("b", "BOOT_MODE"),
	TEXT("k", "{norm|manual}"), FLAG("immed"), FLAG("restart"), { 0 },
};
static const struct hmc_option lshwres[] = {
	NEED("r", "{mem|proc|mempool|procpool|virtualio|io|rspool|hca|sriov|sni}"), NEED("m", "SYSTEM"),
	TEXT("level", "{sys|lpar|pool}"), TEXT("rsubtype", "pgdev"), FLAG("R"), FLAG("stat"),
	TEXT("maxmem", "MB[,MB...]"), TEXT("hptratio", "RATIO"), LIST_OPTIONS, { 0 },
};
static const struct hmc_option chhwres[] = {
	NEED("r", "{mem|proc|mempool}"), NEED("m", "SYSTEM"), NEED("o", "{a|r|m|s}"),
	TEXT("p", "{LPAR|VIOS}"), TEXT("id", "ID"), TEXT("t", "LPAR"), TEXT("tid", "ID"),
	TEXT("q", "MB"), TEXT("procs", "COUNT"), TEXT("procunits", "UNITS"),
	TEXT("w", "MINUTES"), TEXT("d", "DETAIL"), FLAG("force"),
	TEXT("rsubtype", "pgdev"), TEXT("device", "DEVICE"), TEXT("a", "ATTRIBUTES"), { 0 },
};
static const struct hmc_option lsmemdev[] = {
	NEED("r", "avail"), NEED("m", "SYSTEM"), TEXT("p", "VIOS"),
	TEXT("min", "MB"), TEXT("max", "MB"), LIST_OPTIONS, { 0 },
};
static const struct hmc_option lshmc[] = {
	FLAG("V"), FLAG("v"), FLAG("n"), FLAG("r"), { "F", HMC_MAYBE, false, "ATTRIBUTES" },
	FLAG("header"), TEXT("filter", "FILTER"), { 0 },
};
static const struct hmc_option lssysconn[] = {
	NEED("r", "all"), TEXT("m", "SYSTEM"), LIST_OPTIONS, { 0 },
};
static const struct hmc_option lshmcusr[] = {
	TEXT("t", "{user|default}"), LIST_OPTIONS, { 0 },
};
static const struct hmc_option mkhmcusr[] = {
	TEXT("u", "USER"), TEXT("a", "TASKROLE"), TEXT("d", "DESCRIPTION"), TEXT("M", "DAYS"),
	TEXT("auth", "local"), { "passwd", HMC_MAYBE, false, "PASSWORD" }, TEXT("i", "DATA"),
	TEXT("f", "FILE"), { 0 },
};
static const struct hmc_option chhmcusr[] = {
	TEXT("u", "USER"), TEXT("t", "ATTRIBUTE"), TEXT("v", "VALUE"), TEXT("o", "e"),
	TEXT("i", "DATA"), TEXT("f", "FILE"), { 0 },
};
static const struct hmc_option rmhmcusr[] = {
	NEED("u", "USER"), { 0 },
};
static const struct hmc_option lsled[] = {
	NEED("r", "{sa|ident}"), NEED("m", "SYSTEM"), TEXT("t", "{phys|virtualsys|virtuallpar}"),
	LIST_OPTIONS, { 0 },
};
static const struct hmc_option lsrefcode[] = {
	NEED("r", "{sys|lpar}"), NEED("m", "SYSTEM"), TEXT("s", "{p|s}"), TEXT("n", "COUNT"),
	LIST_OPTIONS, { 0 },
};
static const struct hmc_option lssvcevents[] = {
	NEED("t", "{hardware|console}"), TEXT("m", "SYSTEM"), TEXT("d", "DAYS"), TEXT("i", "MINUTES"),
	LIST_OPTIONS, { 0 },
};
static const struct hmc_option monhmc[] = {
	NEED("r", "{disk|proc|mem|swap}"), TEXT("n", "SECONDS"), { 0 },
};
static const struct hmc_option lslparmigr[] = {
	NEED("r", "{lpar|sys|manager|msp|procpool|virtualio|mempool|pgdev}"), TEXT("m", "SYSTEM"),
	TEXT("t", "SYSTEM"), TEXT("ip", "ADDRESS"), TEXT("u", "USER"),
	TEXT("redundantpgvios", "{0|1|2}"), LIST_OPTIONS, { 0 },
};
static const struct hmc_option migrlpar[] = {
	NEED("o", "{v|m|s|r}"), NEED("m", "SYSTEM"), TEXT("t", "SYSTEM"), TEXT("p", "LPAR"),
	TEXT("id", "ID"), TEXT("ip", "ADDRESS"), TEXT("u", "USER"), TEXT("n", "PROFILE"),
	TEXT("w", "MINUTES"), TEXT("d", "DETAIL"), TEXT("redundantpgvios", "{0|1|2}"),
	TEXT("i", "DATA"), TEXT("f", "FILE"), FLAG("force"), { 0 },
};
static const struct hmc_option viosrvcmd[] = {
	NEED("m", "SYSTEM"), TEXT("p", "VIOS"), TEXT("id", "ID"), NEED("c", "COMMAND"), { 0 },
};

static const struct hmc_option lslparutil[] = {
	NEED("r", "{lpar|pool|procpool|mempool|sys|hmc|all|config}"), TEXT("m", "SYSTEM"),
	TEXT("d", "DAYS"), TEXT("h", "HOURS"), TEXT("minutes", "MINUTES"),
	TEXT("startyear", "YEAR"), TEXT("startmonth", "MONTH"), TEXT("startday", "DAY"),
	TEXT("starthour", "HOUR"), TEXT("startminute", "MINUTE"),
	TEXT("endyear", "YEAR"), TEXT("endmonth", "MONTH"), TEXT("endday", "DAY"),
	TEXT("endhour", "HOUR"), TEXT("endminute", "MINUTE"),
	TEXT("n", "EVENTS"), TEXT("s", "{s|h|d|m}"), LIST_OPTIONS, { 0 },
};
static const struct hmc_option chlparutil[] = {
	NEED("r", "config"), NEED("s", "{0|30|60|300|1800|3600}"), TEXT("m", "SYSTEM"), { 0 },
};
static const struct hmc_option vterm[] = {
	NEED("m", "SYSTEM"), TEXT("p", "LPAR"), TEXT("id", "ID"), { 0 },
};
static const struct hmc_option vtmenu[] = {
	{ 0 },
};

const struct hmc_command hmc_commands[] = {
	{ "lssyscfg",   hmc_lssyscfg,   lssyscfg,   "List systems, partitions and profiles", HMC_ANYBODY },
	{ "mksyscfg",   hmc_mksyscfg,   mksyscfg,   "Create partitions and profiles", HMC_ADMIN },
	{ "chsyscfg",   hmc_chsyscfg,   chsyscfg,   "Change partitions and profiles", HMC_ADMIN },
	{ "rmsyscfg",   hmc_rmsyscfg,   rmsyscfg,   "Remove a partition or a profile", HMC_ADMIN },
	{ "chsysstate", hmc_chsysstate, chsysstate, "Activate and shut down partitions", HMC_OPERATOR },
	{ "lshwres",    hmc_lshwres,    lshwres,    "List memory, processors, the shared memory pool and paging devices", HMC_ANYBODY },
	{ "chhwres",    hmc_chhwres,    chhwres,    "Change memory, processors, the shared memory pool and paging devices", HMC_OPERATOR },
	{ "lsmemdev",   hmc_lsmemdev,   lsmemdev,   "List devices that a partition can be paged to", HMC_ANYBODY },
	{ "lshmc",      hmc_lshmc,      lshmc,      "List the console's version and network", HMC_ANYBODY },
	{ "lslparutil", hmc_lslparutil, lslparutil, "List what was used, sampled or changed, newest first", HMC_ANYBODY },
	{ "chlparutil", hmc_chlparutil, chlparutil, "Change how often that is sampled", HMC_ADMIN },
	{ "lssysconn",  hmc_lssysconn,  lssysconn,  "List connections to managed systems", HMC_ANYBODY },
	{ "lshmcusr",   hmc_lshmcusr,   lshmcusr,   "List users", HMC_ANYBODY },
	{ "mkhmcusr",   hmc_mkhmcusr,   mkhmcusr,   "Create a user", HMC_SUPERADMIN },
	{ "chhmcusr",   hmc_chhmcusr,   chhmcusr,   "Change a user", HMC_SUPERADMIN },
	{ "rmhmcusr",   hmc_rmhmcusr,   rmhmcusr,   "Remove a user", HMC_SUPERADMIN },
	{ "lsled",      hmc_lsled,      lsled,      "List attention LEDs", HMC_ANYBODY },
	{ "lsrefcode",  hmc_lsrefcode,  lsrefcode,  "List reference codes", HMC_ANYBODY },
	{ "lssvcevents", hmc_lssvcevents, lssvcevents, "List console and serviceable events", HMC_ANYBODY },
	{ "monhmc",     hmc_monhmc,     monhmc,     "Monitor the console's machine", HMC_ANYBODY },
	{ "lslparmigr", hmc_lslparmigr, lslparmigr, "List what partitions need to be migrated", HMC_ANYBODY },
	{ "migrlpar",   hmc_migrlpar,   migrlpar,   "Validate the migration of a partition", HMC_ADMIN },
	{ "viosrvcmd",  hmc_viosrvcmd,  viosrvcmd,  "Run a command on a Virtual I/O Server", HMC_ADMIN },
	{ "mkvterm",    hmc_mkvterm,    vterm,      "Open the virtual terminal of a partition; ~. closes it", HMC_OPERATOR },
	{ "rmvterm",    hmc_rmvterm,    vterm,      "Close the virtual terminal of a partition, whoever has it open", HMC_OPERATOR },
	{ "vtmenu",     hmc_vtmenu,     vtmenu,     "Choose a partition and open its virtual terminal", HMC_OPERATOR },
	{ 0 },
};
/* clang-format on */
