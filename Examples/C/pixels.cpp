// Classifies a picture that is in memory, here a red one: pixels MODEL.bin
//
//   c++ -std=c++17 pixels.cpp $(pkg-config --cflags --libs fixresc) -o pixels
#include <fixresc.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <vector>

namespace {

void check(fixresc_status status) {
  if (status != FIXRESC_OK) throw std::runtime_error(fixresc_last_error());
}

using Model = std::unique_ptr<fixresc_model, fixresc_status (*)(fixresc_model *)>;
using Results = std::unique_ptr<fixresc_results, fixresc_status (*)(fixresc_results *)>;

Model open(const char *path) {
  fixresc_model *model = nullptr;
  check(fixresc_open(path, nullptr, &model));
  return Model(model, fixresc_close);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  try {
    Model model = open(argv[1]);
    std::vector<std::uint8_t> bgra(320 * 240 * 4);
    for (std::size_t pixel = 0; pixel < bgra.size(); pixel += 4) bgra[pixel + 2] = bgra[pixel + 3] = 255;
    fixresc_pixels image{};
    image.struct_size = sizeof image;
    image.format = FIXRESC_BGRA;
    image.data = bgra.data();
    image.width = 320;
    image.height = 240;
    fixresc_results *made = nullptr;
    check(fixresc_classify_pixels(model.get(), &image, 1, &made));
    Results results(made, fixresc_results_free);
    fixresc_prediction best;
    std::size_t count = 0;
    check(fixresc_results_top(results.get(), 0, 1, &best, &count));
    std::printf("%s %.4f\n", best.label ? best.label : "unnamed", best.probability);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
