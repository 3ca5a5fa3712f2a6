/* profile_message - a profile as a message, and back; see profile.h. */
#include "hvcore/reserve/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy_text(char *to, size_t room, const char *text)
{
	(void)snprintf(to, room, "%s", text != NULL ? text : "");
}

static void copy_numbers(const Tarn__PlatformProfile *message, struct hv_profile *profile)
{
	profile->lmb_bytes = message->lmb_bytes;
	profile->installed_bytes = message->installed_bytes;
	profile->processors = message->processors;
	profile->base_bytes = message->base_bytes;
	profile->slots = message->slots;
	profile->slot_tce_bytes = message->slot_tce_bytes;
	profile->adapter_tce_bytes = message->adapter_tce_bytes;
	profile->hpt_ratio = message->hpt_ratio;
	profile->pool_frame_bytes = (uint32_t)message->pool_frame_bytes;
}

static void copy_lists(const Tarn__PlatformProfile *message, struct hv_profile *profile)
{
	for (size_t i = 0; i < message->n_creation; i++)
		profile->creation[i] = (struct hv_profile_point){
			message->creation[i]->max_bytes,
			message->creation[i]->cost_bytes,
		};
	profile->creation_count = (unsigned)message->n_creation;
	for (size_t i = 0; i < message->n_directory; i++)
		profile->directory[i] = (struct hv_profile_step){
			message->directory[i]->partitions,
			message->directory[i]->cost_bytes,
		};
	profile->directory_count = (unsigned)message->n_directory;
}

enum hv_code hv_profile_from_message(const Tarn__PlatformProfile *message,
				     struct hv_profile *ret_profile, struct hv_err *err)
{
	struct hv_profile profile = { 0 };
	enum hv_code code;

	if (message->n_creation > HV_PROFILE_POINTS_MAX ||
	    message->n_directory > HV_PROFILE_STEPS_MAX ||
	    message->pool_frame_bytes > UINT32_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "profile '%.31s' has more than a profile may",
			       message->name);
	copy_text(profile.name, sizeof(profile.name), message->name);
	copy_text(profile.title, sizeof(profile.title), message->title);
	copy_text(profile.type_model, sizeof(profile.type_model), message->type_model);
	copy_text(profile.serial, sizeof(profile.serial), message->serial);
	copy_numbers(message, &profile);
	copy_lists(message, &profile);
	code = hv_profile_check(&profile, err);
	if (code == HV_OK)
		*ret_profile = profile;
	return code;
}

static bool put_text(char **to, const char *text)
{
	*to = strdup(text);
	return *to != NULL;
}

static bool put_creation(Tarn__PlatformProfile *message, const struct hv_profile *profile)
{
	message->creation = calloc(HV_PROFILE_POINTS_MAX, sizeof(*message->creation));
	for (unsigned i = 0; message->creation != NULL && i < profile->creation_count;
	     i++) {
		Tarn__ProfilePoint *point = malloc(sizeof(*point));

		if (point == NULL)
			return false;
		tarn__profile_point__init(point);
		point->max_bytes = profile->creation[i].max_bytes;
		point->cost_bytes = profile->creation[i].cost_bytes;
		message->creation[message->n_creation++] = point;
	}
	return message->creation != NULL;
}

static bool put_directory(Tarn__PlatformProfile *message,
			  const struct hv_profile *profile)
{
	message->directory = calloc(HV_PROFILE_STEPS_MAX, sizeof(*message->directory));
	for (unsigned i = 0; message->directory != NULL && i < profile->directory_count;
	     i++) {
		Tarn__ProfileStep *step = malloc(sizeof(*step));

		if (step == NULL)
			return false;
		tarn__profile_step__init(step);
		step->partitions = profile->directory[i].partitions;
		step->cost_bytes = profile->directory[i].cost_bytes;
		message->directory[message->n_directory++] = step;
	}
	return message->directory != NULL;
}

enum hv_code hv_profile_to_message(const struct hv_profile *profile,
				   Tarn__PlatformProfile **ret_message,
				   struct hv_err *err)
{
	Tarn__PlatformProfile *message = malloc(sizeof(*message));
	bool is_whole;

	if (message == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for profile '%s'",
			       profile->name);
	tarn__platform_profile__init(message);
	message->lmb_bytes = profile->lmb_bytes;
	message->installed_bytes = profile->installed_bytes;
	message->processors = profile->processors;
	message->base_bytes = profile->base_bytes;
	message->slots = profile->slots;
	message->slot_tce_bytes = profile->slot_tce_bytes;
	message->adapter_tce_bytes = profile->adapter_tce_bytes;
	message->hpt_ratio = profile->hpt_ratio;
	message->pool_frame_bytes = profile->pool_frame_bytes;
	is_whole = put_text(&message->name, profile->name) &&
		   put_text(&message->title, profile->title) &&
		   put_text(&message->type_model, profile->type_model) &&
		   put_text(&message->serial, profile->serial) &&
		   put_creation(message, profile) && put_directory(message, profile);
	if (!is_whole) {
		tarn__platform_profile__free_unpacked(message, NULL);
		return hv_fail(err, HV_E_NOMEM, "no memory for profile '%s'",
			       profile->name);
	}
	*ret_message = message;
	return HV_OK;
}
