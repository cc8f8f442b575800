/* Classifies pictures: classify MODEL.bin PICTURE...
 *
 *   cc classify.c $(pkg-config --cflags --libs fixresc) -o classify
 */
#include <fixresc.h>
#include <stdio.h>

static int failed(const char *what) {
  fprintf(stderr, "%s: %s\n", what, fixresc_last_error());
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: classify MODEL.bin PICTURE...\n");
    return 2;
  }
  fixresc_model *model = NULL;
  if (fixresc_open(argv[1], NULL, &model) != FIXRESC_OK) return failed("open");

  size_t count = (size_t)argc - 2;
  fixresc_results *results = NULL;
  if (fixresc_classify_files(model, (const char *const *)argv + 2, count, &results) != FIXRESC_OK)
    return failed("classify");

  int status = 0;
  for (size_t index = 0; index < count; index++) {
    fixresc_item item = {.struct_size = sizeof item};
    fixresc_results_item(results, index, &item);
    if (item.status != FIXRESC_OK) {
      fprintf(stderr, "%s\n", item.error);
      status = 1;
      continue;
    }
    fixresc_prediction best[5];
    size_t found = 0;
    fixresc_results_top(results, index, 5, best, &found);
    printf("%s\n", argv[2 + index]);
    for (size_t rank = 0; rank < found; rank++)
      printf("  %6.2f %%  %s\n", 100 * best[rank].probability, best[rank].label ? best[rank].label : "unnamed");
  }
  fixresc_results_free(results);
  fixresc_close(model);
  return status;
}
