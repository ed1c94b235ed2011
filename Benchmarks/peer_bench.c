// The work of `apus bench` done by llama.cpp, or with -DPEER_IK by ik_llama.cpp, through their own C API.
//   peer_bench MODEL THREADS DEPTH PROMPT_TOKENS NEW_TOKENS RUNS BATCH[,BATCH...]
// Prefill: PROMPT_TOKENS of one sequence. Decode: one token a step of BATCH sequences, NEW_TOKENS steps. Both begin
// DEPTH tokens into their sequences, decode at least 16. Each figure is the best of RUNS after a warm-up. One JSON object
// a line. The tokens are random but fixed. BATCH 0 measures prefill; each work gets a context that fits it best.
#include "llama.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef PEER_IK
#define PEER "ik_llama.cpp"
#define vocabulary_size(model) llama_n_vocab(model)
#define forget(context, sequence, from) llama_kv_cache_seq_rm(context, sequence, from, -1)
#define state_size(context) llama_state_seq_get_size(context, 0, 0)
#define get_state(context, bytes, size) llama_state_seq_get_data(context, bytes, size, 0, 0)
#define set_state(context, bytes, size, sequence) llama_state_seq_set_data(context, bytes, size, sequence, 0)
#else
#define PEER "llama.cpp"
#define vocabulary_size(model) llama_vocab_n_tokens(llama_model_get_vocab(model))
#define forget(context, sequence, from) llama_memory_seq_rm(llama_get_memory(context), sequence, from, -1)
#define state_size(context) llama_state_seq_get_size(context, 0)
#define get_state(context, bytes, size) llama_state_seq_get_data(context, bytes, size, 0)
#define set_state(context, bytes, size, sequence) llama_state_seq_set_data(context, bytes, size, sequence)
#endif

enum { CHUNK = 512, DECODE_DEPTH_MIN = 16, CELLS_PADDING = 256 };

static void fail(const char *what) {
    fprintf(stderr, PEER ": %s\n", what);
    exit(1);
}

static void quiet(enum ggml_log_level level, const char *text, void *data) {
    (void)level, (void)text, (void)data;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int vocabulary;

static int next_token(void) {
    static unsigned state = 1;
    state = state * 1664525u + 1013904223u;
    return (int)((state >> 8) % (unsigned)(vocabulary - 1000)) + 500;
}

static void add(struct llama_batch *batch, int position, int sequence, int wanted) {
    const int i = batch->n_tokens++;
    batch->token[i] = next_token();
    batch->pos[i] = position;
    batch->n_seq_id[i] = 1;
    batch->seq_id[i][0] = sequence;
    batch->logits[i] = (int8_t)wanted;
}

static void run(struct llama_context *context, struct llama_batch *batch) {
    if (llama_decode(context, *batch)) fail("a step failed");
    (void)llama_get_logits_ith(context, batch->n_tokens - 1); // waits for the result
}

static void prefill(struct llama_context *context, struct llama_batch *batch, int from, int count) {
    for (int i = 0; i < count; i += CHUNK) {
        const int end = i + CHUNK < count ? i + CHUNK : count;
        batch->n_tokens = 0;
        for (int k = i; k < end; k++) add(batch, from + k, 0, k == end - 1);
        run(context, batch);
    }
}

static void decode(struct llama_context *context, struct llama_batch *batch, int sequences, int from, int steps) {
    for (int k = 0; k < steps; k++) {
        batch->n_tokens = 0;
        for (int s = 0; s < sequences; s++) add(batch, from + k, s, 1);
        run(context, batch);
    }
}

// Gives the other sequences copies of the first one's memory, not references to it.
static void copy_to_others(struct llama_context *context, int sequences) {
    const size_t size = state_size(context);
    uint8_t *bytes = malloc(size);
    if (!bytes || get_state(context, bytes, size) == 0) fail("cannot copy a sequence");
    for (int s = 1; s < sequences; s++)
        if (set_state(context, bytes, size, s) == 0) fail("cannot copy a sequence");
    free(bytes);
}

int main(int argc, char **argv) {
    if (argc != 8) fail("usage: MODEL THREADS DEPTH PROMPT_TOKENS NEW_TOKENS RUNS BATCH[,BATCH...]");
    const int threads = atoi(argv[2]), depth = atoi(argv[3]), prompt = atoi(argv[4]), steps = atoi(argv[5]);
    const int runs = atoi(argv[6]);
    llama_log_set(quiet, NULL);
    llama_backend_init();
    struct llama_model_params options = llama_model_default_params();
#ifdef PEER_IK
    options.repack_tensors = true;
#endif
    struct llama_model *model = llama_model_load_from_file(argv[1], options);
    if (!model) fail("cannot load the model");
    vocabulary = vocabulary_size(model);
    struct llama_batch batch = llama_batch_init(2048, 0, 1);

    for (char *word = strtok(argv[7], ","); word; word = strtok(NULL, ",")) {
        const int wanted = atoi(word), is_prefill = wanted == 0, sequences = is_prefill ? 1 : wanted;
        const int filled = is_prefill || depth > DECODE_DEPTH_MIN ? depth : DECODE_DEPTH_MIN;
        const int each = filled + (is_prefill ? prompt : steps);
        const int cells = (each + CELLS_PADDING - 1) / CELLS_PADDING * CELLS_PADDING;
        struct llama_context_params wish = llama_context_default_params();
        wish.n_ctx = (uint32_t)(cells * sequences);
        wish.n_batch = 2048;
        wish.n_ubatch = CHUNK;
        wish.n_threads = wish.n_threads_batch = threads;
        wish.n_seq_max = (uint32_t)sequences;
#ifdef PEER_IK
        wish.flash_attn = sequences == 1; // with several sequences its flash attention stops on an assertion
#else
        wish.kv_unified = getenv("PEER_UNIFIED") != NULL;
#endif
        struct llama_context *context = llama_init_from_model(model, wish);
        if (!context) fail("cannot make a context");
        prefill(context, &batch, 0, filled);
        if (sequences > 1) copy_to_others(context, sequences);
        double best = 1e30;
        for (int r = 0; r <= runs; r++) {
            for (int s = 0; s < sequences; s++)
                if (!forget(context, s, filled)) fail("cannot shorten a sequence");
            const double start = now();
            if (is_prefill) prefill(context, &batch, filled, prompt);
            else decode(context, &batch, sequences, filled, steps);
            const double seconds = now() - start;
            if (r > 0 && seconds < best) best = seconds;
        }
        printf(
            "{\"engine\":\"" PEER "\",\"test\":\"%s\",\"tokens\":%d,\"batch\":%d,\"depth\":%d,\"threads\":%d,"
            "\"tokens_per_second\":%.2f}\n",
            is_prefill ? "prefill" : "decode", is_prefill ? prompt : steps, sequences, filled, threads,
            (is_prefill ? prompt : sequences * steps) / best);
        fflush(stdout);
        llama_free(context);
    }
    return 0;
}
