/*
 * fields - what -F asks for, and rows of attributes as an HMC prints them.
 *
 *   no -F        name=value,"name=a,b"        attributes that do not apply are left out
 *   -F           value,value                  all default attributes
 *   -F a,b  a:b  value,"x,y"                  in that order, by that delimiter; null
 *                                             for one that does not apply
 *
 * A kind of object is a table of attributes; each writes its value for one object.
 *
 * Contract
 *   Threads  one.
 *   Memory   fields own their text; hmc_fields_fini() also after a failure.
 *   Errors   messages of errors.h; NOMEM.
 */
#ifndef CLI_HMC_FIELDS_H
#define CLI_HMC_FIELDS_H

#include "cli/hmc/filter.h"

#include <stdint.h>

#define HMC_FIELDS_MAX 128
#define HMC_VALUE_BYTES 4096 /* arbitrary: a list of 32 adapters takes half */

struct hmc_value {
	bool is_absent; /* the attribute does not apply to this object */
	char text[HMC_VALUE_BYTES];
};

void hmc_value_set(struct hmc_value *value, const char *format, ...) HV_PRINTF(2, 3);
/* The same as "%s", many times as fast: a list of 10,000 partitions has 250,000. */
void hmc_value_text(struct hmc_value *value, const char *text);
/* Processors: "1.0", "0.25"; one digit behind the point, or the two that are needed. */
void hmc_value_units(struct hmc_value *value, uint64_t hundredths);

struct hmc_attribute {
	const char *name;
	/* `text` is the row's own, for values that only differ by it */
	void (*show)(const void *object, const char *text, struct hmc_value *value);
	const char *text;
	bool is_on_request; /* only where -F names it */
	unsigned kinds;     /* of a list of several kinds: bits of those that have it */
	bool ignores_case;  /* a filter's value may be written in any case */
};

struct hmc_fields {
	bool is_given; /* -F was there */
	bool has_header;
	char delimiter;
	char *text;
	unsigned count; /* 0: the default ones */
	const char *names[HMC_FIELDS_MAX];
};

/* `list` NULL: -F alone. Only the form is checked here. */
HV_MUST_USE
enum hv_code hmc_fields_parse(const char *list, struct hmc_fields *ret_fields,
			      struct hv_err *err);
void hmc_fields_fini(struct hmc_fields *fields);

struct hmc_list {
	FILE *out;
	const struct hmc_attribute *attributes; /* ends with name NULL */
	const struct hmc_fields *fields;
	const struct hmc_filter *filter;
	const struct hmc_filter_name *filter_names; /* ends with name NULL; NULL: none */
	unsigned (*kind_of)(const void *object);    /* NULL: all are of one kind */
	/* the rest is the list's own */
	unsigned rows;
	unsigned count;
	const struct hmc_attribute *shown[HMC_FIELDS_MAX];
};

/* Checks names and filters against the table and prints the header. */
HV_MUST_USE
enum hv_code hmc_list_start(struct hmc_list *list, struct hv_err *err);
/* Prints the object unless the filter leaves it out. */
void hmc_list_add(struct hmc_list *list, const void *object);
/* "No results were found." where there was none. */
void hmc_list_end(struct hmc_list *list);

/* Shows `text` itself. */
void hmc_show_text(const void *object, const char *text, struct hmc_value *value);

#endif
