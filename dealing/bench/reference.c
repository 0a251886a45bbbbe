/* The eager tick and the full refresh in C, over the engine's own arrays: what a compiler makes of
 * the same layout and the same work. It takes usable quotes of known symbols only, and credit is
 * part of the equity. */
#include <math.h>
#include <stdint.h>

enum { SAME, BY_CLOSE, BY_MID, BY_MARKET };

typedef struct {
    double *bid, *ask, *units;
    uint8_t *quoted;
    int32_t *leg_1, *leg_2;
    uint8_t *inverted_1, *inverted_2;
    double *mid, *gain, *loss;
    int64_t *touched;
    double *balance, *credit, *floating, *margin, *call_level, *out_level;
    int8_t *fired;
    int32_t *account, *symbol;
    double *side, *lots, *open_price, *swap, *value;
    int32_t *pair;
    int8_t *conversion;
    int64_t *symbol_start; int32_t *symbol_length, *symbol_items;
    int64_t *pair_start; int32_t *pair_length, *pair_items;
    int64_t *account_start; int32_t *account_length, *account_items;
    int64_t *pairs_start; int32_t *pairs_length, *pairs_items;
    int32_t *scratch;
} Book;

static void refresh_pair(const Book *b, int32_t pair) {
    double mid = 1.0, gain = 1.0, loss = 1.0;
    for (int which = 0; which < 2; which++) {
        int32_t leg = which ? b->leg_2[pair] : b->leg_1[pair];
        uint8_t inverted = which ? b->inverted_2[pair] : b->inverted_1[pair];
        if (leg < 0) break;
        double bid = b->bid[leg], ask = b->ask[leg], leg_mid = (bid + ask) / 2;
        if (inverted) { mid /= leg_mid; gain /= ask; loss /= bid; }
        else { mid *= leg_mid; gain *= bid; loss *= ask; }
    }
    b->mid[pair] = mid; b->gain[pair] = gain; b->loss[pair] = loss;
}

static void revalue(const Book *b, const int32_t *slots, int32_t count) {
    for (int32_t k = 0; k < count; k++) {
        int32_t slot = slots[k], symbol = b->symbol[slot], pair = b->pair[slot];
        pair = pair < 0 ? 0 : pair;
        int8_t conversion = b->conversion[slot];
        double side = b->side[slot], bid = b->bid[symbol], ask = b->ask[symbol];
        double close = side > 0.0 ? bid : ask;
        double profit = side * (close - b->open_price[slot]) * b->lots[slot] * b->units[symbol];
        double mid = b->mid[pair], gain = b->gain[pair], loss = b->loss[pair];
        double value = conversion == BY_MID ? profit * mid : profit * (profit > 0.0 ? gain : loss);
        double at_close = profit / close;
        value = conversion == BY_CLOSE ? at_close : value;
        value = conversion == SAME ? profit : value;
        b->value[slot] = b->quoted[symbol] ? value : NAN;
    }
}

static int32_t collect(const Book *b, const int32_t *slots, int32_t count, int64_t event,
                       int32_t touched) {
    for (int32_t k = 0; k < count; k++) {
        int32_t account = b->account[slots[k]];
        if (b->touched[account] != event) {
            b->touched[account] = event;
            b->scratch[touched++] = account;
        }
    }
    return touched;
}

static void sum_floating(const Book *b, int32_t account) {
    const int32_t *slots = b->account_items + b->account_start[account];
    double total = 0.0;
    for (int32_t k = 0; k < b->account_length[account]; k++) {
        double value = b->value[slots[k]];
        if (!isnan(value)) total += value + b->swap[slots[k]];
    }
    b->floating[account] = total;
}

static int is_on(int has_fired, double level, double threshold) {
    return level <= threshold + (has_fired ? 5.0 : 0.0) + 1e-9;
}

static int64_t judge(const Book *b, int32_t touched) {
    int64_t found = 0;
    for (int32_t k = 0; k < touched; k++) sum_floating(b, b->scratch[k]);
    for (int32_t k = 0; k < touched; k++) {
        int32_t a = b->scratch[k];
        double equity = b->balance[a] + b->credit[a] + b->floating[a];
        double level = b->margin[a] < 1e-6 ? INFINITY : 100.0 * equity / b->margin[a];
        int before = b->fired[a], after = 0;
        if (is_on(before & 1, level, b->call_level[a])) after |= 1;
        if (is_on(before & 2, level, b->out_level[a])) after |= 2;
        if (equity < -1e-6) after |= 4;
        if (after == before) continue;
        b->fired[a] = (int8_t)after;
        found += __builtin_popcount(after & ~before);
    }
    return found;
}

int64_t ticks(const Book *b, const int32_t *symbols, const double *bids, const double *asks,
              int64_t count, int64_t first_event) {
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t s = symbols[i];
        b->bid[s] = bids[i];
        b->ask[s] = asks[i];
        const int32_t *pairs = b->pairs_items + b->pairs_start[s];
        for (int32_t k = 0; k < b->pairs_length[s]; k++) refresh_pair(b, pairs[k]);
        const int32_t *slots = b->symbol_items + b->symbol_start[s];
        revalue(b, slots, b->symbol_length[s]);
        int32_t touched = collect(b, slots, b->symbol_length[s], first_event + i, 0);
        for (int32_t k = 0; k < b->pairs_length[s]; k++) {
            slots = b->pair_items + b->pair_start[pairs[k]];
            revalue(b, slots, b->pair_length[pairs[k]]);
            touched = collect(b, slots, b->pair_length[pairs[k]], first_event + i, touched);
        }
        found += judge(b, touched);
    }
    return found;
}

/* In the order of memory first, then account by account, as the engine does it. */
void refresh(const Book *b, int64_t accounts, int64_t slots) {
    for (int64_t slot = 0; slot < slots; slot++) {
        int32_t place = (int32_t)slot;
        revalue(b, &place, 1);
    }
    for (int64_t a = 0; a < accounts; a++) sum_floating(b, (int32_t)a);
}
