/* tilde - see tilde.h. */
#include "cli/tilde.h"

bool cli_tilde_take(struct cli_tilde *tilde, const uint8_t *bytes, size_t count,
		    uint8_t *into, size_t *ret_count)
{
	*ret_count = 0;
	for (size_t i = 0; i < count; i++) {
		uint8_t byte = bytes[i];

		if (tilde->at == CLI_TILDE_TYPED && byte == '.')
			return true;
		if (tilde->at == CLI_TILDE_TYPED && byte != '~')
			into[(*ret_count)++] = '~'; /* it was one, after all */
		if (tilde->at == CLI_TILDE_LINE && byte == '~') {
			tilde->at = CLI_TILDE_TYPED;
			continue;
		}
		tilde->at = byte == '\r' || byte == '\n' ? CLI_TILDE_LINE
							 : CLI_TILDE_TEXT;
		into[(*ret_count)++] = byte;
	}
	return false;
}
