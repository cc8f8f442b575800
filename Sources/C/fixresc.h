/* fixresc: classify pictures with an adapted ResNet, and everything that the command line does, from C.
 *
 * Every function returns a status and writes its results through pointers; a function that fails writes nothing.
 * `fixresc_last_error` then has one sentence for people. Handles are checked: one that is null, was closed or never
 * was one is FIXRESC_INVALID_ARGUMENT. All functions may be called from any thread; a model may be shared by threads,
 * whose calls take turns. A handle must not be closed while another thread uses what it gave.
 *
 * Structs begin with `struct_size`, which the caller sets to sizeof the struct it was compiled with: later versions add
 * fields at the end, and a library takes the fields that a caller knows.
 */
#ifndef FIXRESC_H
#define FIXRESC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FIXRESC_ABI_VERSION 1

typedef int32_t fixresc_status;
enum {
  FIXRESC_OK = 0,
  /* A null or unknown handle, a null pointer, a number out of range. */
  FIXRESC_INVALID_ARGUMENT = 1,
  /* A file cannot be read or written. */
  FIXRESC_FILE = 2,
  /* The model is malformed, or cannot be run. */
  FIXRESC_MODEL = 3,
  /* A picture cannot be read or preprocessed. */
  FIXRESC_PICTURE = 4,
  /* Memory is refused. */
  FIXRESC_MEMORY = 5,
  /* The network computes numbers that are not finite. */
  FIXRESC_NOT_FINITE = 6,
  /* A command ended with another exit status than 0. */
  FIXRESC_COMMAND = 7,
  /* A callback asked for an end. */
  FIXRESC_CANCELLED = 8
};

typedef struct fixresc_model fixresc_model;
typedef struct fixresc_results fixresc_results;
typedef struct fixresc_output fixresc_output;

/* The version of this interface, and of the library (`0.1.0`). */
fixresc_status fixresc_version(uint32_t *abi, const char **version);

/* The sentence of the last failure of this thread, "" before the first; valid until this thread's next failure. */
const char *fixresc_last_error(void);

/* ---- Models ---- */

enum {
  /* Only algorithms with the rounding of direct convolution. */
  FIXRESC_EXACT = 1,
  /* Pack the weights when the model is opened, not by the first runs. */
  FIXRESC_PACK_AT_OPEN = 2,
  /* Refuse a file whose packed weights are not what its constants give. */
  FIXRESC_VERIFY_PACKED = 4,
  /* From now on the process maps model files rather than read them: processes share the pages of a file that holds packed
   * weights. Installs a handler for SIGBUS, which passes on what is not a mapping's. */
  FIXRESC_MAP = 8
};

typedef struct {
  uint32_t struct_size;
  /* FIXRESC_EXACT and the like, combined by |. */
  uint32_t flags;
  /* Threads; 0 for the CPUs that the process may use. */
  int32_t threads;
  /* The most pictures of one pass; 0 for 8. */
  int32_t maximum_batch;
} fixresc_options;

/* Opens the `.bin` file at `path`; `options` may be null. */
fixresc_status fixresc_open(const char *path, const fixresc_options *options, fixresc_model **model);

/* Opens a `.bin` file's bytes, which are copied. */
fixresc_status fixresc_open_bytes(const void *bytes, size_t size, const fixresc_options *options, fixresc_model **model);

/* Forgets the model; its memory goes once no call uses it. */
fixresc_status fixresc_close(fixresc_model *model);

typedef struct {
  uint32_t struct_size;
  /* Threads of a run. */
  int32_t threads;
  /* The input [channels, height, width] of one picture. */
  size_t channels, height, width;
  /* Logits and pooled features of one picture; 0 where the network gives none. */
  size_t class_count, feature_count;
} fixresc_shape;

fixresc_status fixresc_model_shape(fixresc_model *model, fixresc_shape *shape);

/* The name of class `index`, null where the model does not name it; valid until the model is closed. */
fixresc_status fixresc_model_label(fixresc_model *model, size_t index, const char **label);

/* What is known of the model, as the JSON object of its file's section META (Documentation/ModelFile.md): architecture,
 * resolutions, preprocessing, labels, facts, history; valid until the model is closed. */
fixresc_status fixresc_model_metadata(fixresc_model *model, const char **json);

/* ---- Pictures ---- */

enum { FIXRESC_RGB = 0, FIXRESC_RGBA = 1, FIXRESC_BGRA = 2, FIXRESC_GREY = 3 };

typedef struct {
  uint32_t struct_size;
  /* FIXRESC_RGB and the like. */
  int32_t format;
  const void *data;
  size_t width, height;
  /* From a row to the next; 0 where rows follow each other. */
  size_t bytes_per_row;
} fixresc_pixels;

/* Classify n pictures side by side. A picture that cannot be read is an item with a status of its own, not a failure of
 * the call. */
fixresc_status fixresc_classify_files(fixresc_model *model, const char *const *paths, size_t n, fixresc_results **results);
fixresc_status fixresc_classify_encoded(fixresc_model *model, const uint8_t *const *bytes, const size_t *sizes, size_t n,
                                        fixresc_results **results);
/* All `images` have the same struct_size. */
fixresc_status fixresc_classify_pixels(fixresc_model *model, const fixresc_pixels *images, size_t n,
                                       fixresc_results **results);

typedef struct {
  uint32_t struct_size;
  fixresc_status status;
  /* One sentence; null where status is FIXRESC_OK. */
  const char *error;
  /* Scores before softmax or sigmoid [class_count], and pooled features [feature_count]; null where status is not
   * FIXRESC_OK. All pointers are valid until the results are freed. */
  const float *logits, *features;
  /* 1 where the file has an EXIF orientation other than upright, which is not applied. */
  int32_t is_turned;
  int32_t reserved;
} fixresc_item;

typedef struct {
  size_t index;
  /* 0 to 1: softmax or sigmoid, as the model's outputs are meant. */
  double probability;
  /* Null where the model does not name the class; valid until the results are freed. */
  const char *label;
} fixresc_prediction;

fixresc_status fixresc_results_count(fixresc_results *results, size_t *count);
fixresc_status fixresc_results_item(fixresc_results *results, size_t index, fixresc_item *item);
/* The k best classes of picture `index`, best first, and how many there are. */
fixresc_status fixresc_results_top(fixresc_results *results, size_t index, size_t k, fixresc_prediction *best,
                                   size_t *count);
/* The probability of each class, [class_count]. */
fixresc_status fixresc_results_probabilities(fixresc_results *results, size_t index, double *probabilities);
fixresc_status fixresc_results_free(fixresc_results *results);

/* ---- Tensors ---- */

/* Runs n inputs [n, channels, height, width]; logits [n, class_count] and features [n, feature_count] may each be null
 * where the network gives none, and features also where they are not wanted. Allocates nothing after the first call of
 * a batch size. */
fixresc_status fixresc_run(fixresc_model *model, const float *nchw, size_t n, float *logits, float *features);

/* The network's input [channels, height, width] of one picture, and the pixels [height, width, channels] it was made of;
 * either may be null. */
fixresc_status fixresc_preprocess_file(fixresc_model *model, const char *path, float *nchw, uint8_t *pixels);
fixresc_status fixresc_preprocess_encoded(fixresc_model *model, const uint8_t *bytes, size_t size, float *nchw,
                                          uint8_t *pixels);
fixresc_status fixresc_preprocess_pixels(fixresc_model *model, const fixresc_pixels *image, float *nchw, uint8_t *pixels);

/* ---- Commands: import, adapt, eval, sweep, stats, finetune and all others ---- */

typedef struct {
  uint32_t struct_size;
  uint32_t reserved;
  /* Called on the thread that called fixresc_command, a few times a second; may be null. Returns 0 to go on; any other
   * value ends the command with FIXRESC_CANCELLED, and what it was to write is not written. */
  int (*progress)(void *context, const char *label, size_t done, size_t total);
  void *context;
  /* Where not null, the pictures of eval, sweep, stats and finetune are read and run by others ("Workers" below). Called
   * on the thread that called fixresc_command for each pass over pictures: has the task in the folder `task` computed,
   * and appends the records of all of its samples, in any order, to the file `results`. Gives 0 where that is done. DIR
   * may then also be a file that lists pictures: the name of a class folder and a path of each, both ended by a zero. */
  int32_t (*compute)(void *context, const char *task, const char *results);
  /* The folder in which tasks are made; not null where `compute` is not. */
  const char *tasks;
} fixresc_callbacks;

/* Runs the command line `words` (without the program's name) in this process: {"adapt", "m.bin", "--to", "384", "-o",
 * "out.bin"}. What the command prints is in `output`, also where it fails: then the status is FIXRESC_COMMAND. `callbacks`
 * may be null. Signals and standard streams are left alone. */
fixresc_status fixresc_command(const char *const *words, size_t n, const fixresc_callbacks *callbacks,
                               fixresc_output **output);

/* The exit status, the results (with "--json" one object) and the messages of a command; any pointer may be null. */
fixresc_status fixresc_output_get(fixresc_output *output, int32_t *exit_status, const char **results,
                                  const char **messages);
fixresc_status fixresc_output_free(fixresc_output *output);

/* ---- Workers: computing a command's pictures elsewhere ---- */

typedef struct fixresc_worker fixresc_worker;
typedef struct fixresc_records fixresc_records;

/* Opens the task in a folder, which needs `task.json` and `model.bin` of what the command wrote. Of `options` the threads
 * and FIXRESC_MAP count; it may be null. */
fixresc_status fixresc_worker_open(const char *task, const fixresc_options *options, fixresc_worker **worker);
fixresc_status fixresc_worker_close(fixresc_worker *worker);

/* The records of n samples, of whose pictures `labels` are the classes: line i of the task's `pictures` and `labels` has
 * the samples i * variants to (i + 1) * variants - 1, `variants` as `task.json` says. A picture that cannot be read has a
 * record that says so. */
fixresc_status fixresc_worker_run_files(fixresc_worker *worker, const uint64_t *samples, const int32_t *labels,
                                        const char *const *paths, size_t n, fixresc_records **records);
fixresc_status fixresc_worker_run_encoded(fixresc_worker *worker, const uint64_t *samples, const int32_t *labels,
                                          const uint8_t *const *bytes, const size_t *sizes, size_t n,
                                          fixresc_records **records);

/* The records as bytes, valid until they are freed. */
fixresc_status fixresc_records_get(fixresc_records *records, const void **bytes, size_t *size);
fixresc_status fixresc_records_free(fixresc_records *records);

#ifdef __cplusplus
}
#endif

#endif
