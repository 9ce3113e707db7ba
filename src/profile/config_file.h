/* config_file: libconfig text to nodes. The only user of libconfig.
 *
 * @include "file" is expanded here, relative to the file that says it, with a map from lines back to files: every
 * message names the line a person wrote. Bounded: files, their sum, their depth and the depth of groups.
 */
#ifndef SG_CONFIG_FILE_H
#define SG_CONFIG_FILE_H

#include "problem.h"
#include "schema.h"

#define CONFIG_FILE_TEXT_MAX (16 * 1024 * 1024) /* bytes of a profile with all it includes */
#define CONFIG_FILE_INCLUDE_DEPTH 10
#define CONFIG_FILES_MAX 1000 /* read for one profile, each as often as it is included */
#define CONFIG_FILE_GROUP_DEPTH 32

/* The root group of the file. NULL when a problem was added: an unreadable file, a bad include, a syntax error. */
struct node *config_file_read(struct arena *a, const char *path, struct problems *problems);
/* One value, for KEY=VALUE of a command line: `text` as it would stand in a profile. NULL when it is not one; the
 * reason is then in *why (static text). */
struct node *config_file_read_value(struct arena *a, const char *name, const char *text,
				    const char **why);

/* "libconfig 1.5", for `startguard version`. */
const char *config_file_library(void);

#endif
