/* The inner loops of the mapper: the relaxation of a family of mappings, and the list of what it leaves.
 *
 * `relaxation.py` says what is computed, and computes the same in NumPy; the two are compared by the tests.
 * Everything is a path through a layered graph, one graph a block of dimensions; a quantity is a sum of edge
 * columns over some sections; costs are sums of exponentials of quantities.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#define NEVER 1e300
#define MAX_BLOCKS 8
#define MAX_LAYERS 64  /* sections + 1 */
#define MAX_COLUMNS 64
#define NO_MEMORY (-2)
#define TOO_LARGE (-5)

typedef struct {
    int blocks, sections, columns;
    const int *nodes;      /* [blocks, sections + 1] */
    const int *edge_start; /* [blocks * sections + 1] */
    const int *src, *dst;  /* [edges], numbered in their layer; edges of a layer sorted by src */
    const int *moves;      /* [edges], a bit for each operand that the temporal loop moves */
    const double *column;  /* [edges, columns] */
} Graph;

typedef struct {
    int quantities;
    const int *q_start, *q_section, *q_column; /* entries of each quantity */
    const double *q_factor;
    const int *other;      /* [quantities]: it is this quantity where that is more; -1 */
    const int *still; /* [sections]: operands that must not move there */
    int energies;
    const int *e_quantity;
    const double *e_log;
    const double *e_access; /* pJ of one access, which is not made in part; 0 where that is not known */
    const int *e_copies; /* the quantity of how many memories share the words evenly; -1 for one */
    int spills; /* of outputs: what comes back when sums are not final, known of complete choices only */
    const int *s_quantity, *s_first;
    const double *s_log, *s_first_log, *s_pj, *s_wide;
    double returned; /* pJ that the sum of energies counts too many */
    double leakage;  /* pJ a cycle */
    int alternatives; /* cycles are at least each of these sums */
    const int *a_start, *a_quantity;
    const double *a_log;
    const int *a_late; /* the first memory whose first load and last store are paid besides */
    int computing; /* the first terms of the first alternative are compute steps */
    int lates; /* double buffers, the innermost first */
    const int *l_start, *l_middle; /* ports that load the first tile, and from the middle on, store the last one */
    const int *l_steps, *l_step; /* quantities: tiles of an operand, one after the other */
    const int *p_start, *p_quantity; /* how long a port works for one tile */
    const double *p_log;
    int memories; /* capacities */
    const int *m_start, *m_quantity;
    const double *m_log, *m_size;
    int axes;
    const int *x_quantity;
    const double *x_size;
    double energy_weight, cycles_weight;
    double limit;          /* of weighted logarithms: what is above is not wanted */
    double low, high;      /* pJ: all that is wanted is between them, `returned` included */
    double most_energy, most_cycles;
} Family;

typedef struct {
    double bound, constant;
    int iterations, candidates;
} Found;

static double log_sum(int n, const double *logs, double *share) {
    double top = -NEVER, sum = 0.0;
    for (int i = 0; i < n; i++)
        if (logs[i] > top) top = logs[i];
    for (int i = 0; i < n; i++) sum += share[i] = exp(logs[i] - top);
    for (int i = 0; i < n; i++) share[i] /= sum;
    return top + log(sum);
}

static double entropy(int n, const double *share) {
    double sum = 0.0;
    for (int i = 0; i < n; i++)
        if (share[i] > 0.0) sum -= share[i] * log(share[i]);
    return sum;
}

/* Whether the arrays of fixed length below are long enough. */
static int small_enough(const Graph *g) {
    return g->blocks <= MAX_BLOCKS && g->sections < MAX_LAYERS && g->columns <= MAX_COLUMNS;
}

/* Weights of edge columns by section, from weights of quantities. */
static void spread(const Graph *g, const Family *f, const double *weight, double *by_section) {
    memset(by_section, 0, sizeof(double) * g->sections * g->columns);
    for (int q = 0; q < f->quantities; q++) {
        if (weight[q] == 0.0) continue;
        for (int i = f->q_start[q]; i < f->q_start[q + 1]; i++)
            by_section[f->q_section[i] * g->columns + f->q_column[i]] += weight[q] * f->q_factor[i];
    }
}

/* Weights of all edges; those that the family forbids never. */
static void weigh(const Graph *g, const Family *f, const double *by_section, double *edge_weight) {
    int used[MAX_COLUMNS];
    for (int b = 0; b < g->blocks; b++)
        for (int s = 0; s < g->sections; s++) {
            const double *w = by_section + s * g->columns;
            int many = 0;
            for (int c = 0; c < g->columns; c++)
                if (w[c] != 0.0) used[many++] = c;
            for (int e = g->edge_start[b * g->sections + s]; e < g->edge_start[b * g->sections + s + 1]; e++) {
                double sum = 0.0;
                const double *column = g->column + (size_t)e * g->columns;
                for (int i = 0; i < many; i++) sum += w[used[i]] * column[used[i]];
                edge_weight[e] = (g->moves[e] & f->still[s]) ? NEVER : sum;
            }
        }
}

/* Least weight from each node to the end, block by block: `ahead[first node of the layer + node]`. */
static double paths(const Graph *g, const double *edge_weight, double *ahead, int *best_edge) {
    double total = 0.0;
    int at = 0;
    for (int b = 0; b < g->blocks; b++) {
        const int *nodes = g->nodes + b * (g->sections + 1);
        int layer[MAX_LAYERS], end = at;
        for (int s = 0; s <= g->sections; s++) {
            layer[s] = end;
            end += nodes[s];
        }
        for (int n = 0; n < nodes[g->sections]; n++) ahead[layer[g->sections] + n] = 0.0;
        for (int s = g->sections - 1; s >= 0; s--) {
            for (int n = 0; n < nodes[s]; n++) {
                ahead[layer[s] + n] = NEVER;
                best_edge[layer[s] + n] = -1;
            }
            for (int e = g->edge_start[b * g->sections + s]; e < g->edge_start[b * g->sections + s + 1]; e++) {
                double sum = edge_weight[e] + ahead[layer[s + 1] + g->dst[e]];
                int from = layer[s] + g->src[e];
                if (sum < ahead[from]) {
                    ahead[from] = sum;
                    best_edge[from] = e;
                }
            }
        }
        total += ahead[layer[0]];
        at = end;
    }
    return total;
}

static void follow(const Graph *g, const int *best_edge, int *path) {
    int at = 0;
    for (int b = 0; b < g->blocks; b++) {
        const int *nodes = g->nodes + b * (g->sections + 1);
        int node = 0, first = at;
        for (int s = 0; s < g->sections; s++) {
            int e = best_edge[first + node];
            path[b * g->sections + s] = e;
            node = g->dst[e];
            first += nodes[s];
        }
        at = first + nodes[g->sections];
    }
}

static void measure(const Graph *g, const Family *f, const int *path, double *value, double *sums) {
    memset(sums, 0, sizeof(double) * g->sections * g->columns);
    for (int b = 0; b < g->blocks; b++)
        for (int s = 0; s < g->sections; s++) {
            const double *column = g->column + (size_t)path[b * g->sections + s] * g->columns;
            for (int c = 0; c < g->columns; c++) sums[s * g->columns + c] += column[c];
        }
    for (int q = 0; q < f->quantities; q++) {
        value[q] = 0.0;
        for (int i = f->q_start[q]; i < f->q_start[q + 1]; i++)
            value[q] += f->q_factor[i] * sums[f->q_section[i] * g->columns + f->q_column[i]];
    }
}

static inline double larger(const Family *f, const double *value, int q) {
    int o = f->other[q];
    return o >= 0 && value[o] > value[q] ? value[o] : value[q];
}

/* The share of a quantity against its other one, at a point; any share gives a bound. */
static inline double lead(const Family *f, const double *average, int q, double sharp) {
    int o = f->other[q];
    if (o < 0) return 1.0;
    double x = sharp * (average[q] - average[o]);
    return x > 40 ? 1.0 : x < -40 ? 0.0 : 1.0 / (1.0 + exp(-x));
}

static inline void load(const Family *f, double *weight, int q, double more, double own) {
    if (f->other[q] < 0) {
        weight[q] += more;
        return;
    }
    weight[q] += more * own;
    weight[f->other[q]] += more * (1.0 - own);
}

/* Whether tiles and PEs fit, all quantities known. */
static int fits(const Family *f, const double *value) {
    for (int x = 0; x < f->axes; x++)
        if (value[f->x_quantity[x]] > f->x_size[x] + 1e-9) return 0;
    for (int m = 0; m < f->memories; m++) {
        double sum = 0.0;
        for (int i = f->m_start[m]; i < f->m_start[m + 1]; i++) sum += exp(f->m_log[i] + value[f->m_quantity[i]]);
        if (sum > f->m_size[m] * (1 + 1e-9)) return 0;
    }
    return 1;
}

/* pJ of sums that are not final: words beyond the first visits, and all words being wider. */
static double spilled(const Family *f, const double *value) {
    double sum = 0.0;
    for (int i = 0; i < f->spills; i++) {
        double words = exp(f->s_log[i] + larger(f, value, f->s_quantity[i]));
        double again = words - exp(f->s_first_log[i] + value[f->s_first[i]]);
        if (again > 1e-9 * words) sum += f->s_pj[i] * again + f->s_wide[i] * words;
    }
    return sum;
}

/* Cycles of the port, from `port` to `end`, that works longest for a tile. */
static double longest(const Family *f, const double *value, int port, int end) {
    double most = 0.0;
    for (; port < end; port++) {
        double own = 0.0;
        for (int i = f->p_start[port]; i < f->p_start[port + 1]; i++) own += exp(f->p_log[i] + value[f->p_quantity[i]]);
        if (own > most) most = own;
    }
    return ceil(most * (1 - 1e-11));
}

/* Cycles of first loads and last stores from each double buffer outward: `late[lates + 1]`. */
static void exposed(const Family *f, const double *value, double *late) {
    double compute = 0.0;
    for (int i = f->a_start[0]; i < f->a_start[0] + f->computing; i++) compute += exp(f->a_log[i] + larger(f, value, f->a_quantity[i]));
    late[f->lates] = 0.0;
    for (int l = f->lates - 1; l >= 0; l--) {
        double steps = 0.0; /* the logarithm of the most */
        for (int i = f->l_steps[l]; i < f->l_steps[l + 1]; i++)
            if (value[f->l_step[i]] > steps) steps = value[f->l_step[i]];
        double step = ceil(ceil(compute * (1 - 1e-11)) / rint(exp(steps)) * (1 - 1e-11));
        double load = longest(f, value, f->l_start[l], f->l_middle[l]);
        double store = longest(f, value, f->l_middle[l], f->l_start[l + 1]);
        late[l] = late[l + 1] + (load < step ? load : step) + (store < step ? store : step);
    }
}

/* Lower bounds of cycles and pJ; the weighted logarithm. */
static double cost(const Family *f, const double *value, double *cycles, double *energy, int complete) {
    double most = 0.0, sum = -f->returned, late[MAX_LAYERS];
    if (complete && f->lates) exposed(f, value, late);
    for (int a = 0; a < f->alternatives; a++) {
        double own = complete && f->lates ? late[f->a_late[a]] : 0.0;
        for (int i = f->a_start[a]; i < f->a_start[a + 1]; i++) own += exp(f->a_log[i] + larger(f, value, f->a_quantity[i]));
        if (own > most) most = own;
    }
    most = ceil(most * (1 - 1e-11)); /* a cycle is not made in part */
    for (int i = 0; i < f->energies; i++) {
        double own = exp(f->e_log[i] + larger(f, value, f->e_quantity[i]));
        if (complete && f->e_access[i] > 0.0) {
            double at_once = f->e_access[i];
            if (f->e_copies[i] >= 0) at_once *= rint(exp(value[f->e_copies[i]]));
            own = at_once * ceil(own / at_once * (1 - 1e-11));
        }
        sum += own;
    }
    sum += f->leakage * most;
    if (complete) sum += spilled(f, value);
    if (sum < 1e-30) sum = 1e-30;
    if (most < 1.0) most = 1.0;
    *cycles = most;
    *energy = sum;
    return f->energy_weight * log(sum) + f->cycles_weight * log(most);
}

static int wanted(const Family *f, const double *value) {
    double cycles, energy, both = cost(f, value, &cycles, &energy, 0);
    return both <= f->limit && cycles <= f->most_cycles && energy <= f->most_energy;
}

#define COLD 14
#define WARM 6

static double clipped(double x, double most) { return x > most ? most : x < -most ? -most : x; }

/* Ascend from shares and multipliers that are nearly right: steps as long as Polyak's (1969), along the subgradient,
 * in the geometry of the simplex for shares (mirror ascent); shorter ones from the best point where nothing is won. */
static void climb(const Graph *g, const Family *f, int iterations, double slope, double offset, const double *average,
                  double *dual, double *weight, Found *found, double *edge_weight, double *ahead, int *best_edge,
                  int *path, double *value, double *now, double *by_section, double *sums, int e_n, double *e_log,
                  const double *e_share, const double *mix, const double *a_share, const double *m_share,
                  double *spare) {
    int a_n = f->a_start[f->alternatives], m_n = f->m_start[f->memories], q_n = f->quantities;
    int n = e_n + a_n + m_n + f->axes + q_n;
    double *x = spare, *best = x + n, *grad = best + n;
    double *e = x, *t = e + e_n, *w = t + a_n, *eta = w + m_n, *first = eta + f->axes;
    for (int i = 0; i < f->energies; i++) e_log[i] = f->e_log[i];
    if (f->leakage > 0.0)
        for (int a = 0; a < f->alternatives; a++)
            for (int i = f->a_start[a]; i < f->a_start[a + 1]; i++)
                e_log[f->energies + i] = f->a_log[i] + log(f->leakage * mix[a] + 1e-300);
    for (int i = 0; i < e_n; i++) e[i] = 0.999 * e_share[i] + 0.001 / e_n;
    for (int a = 0; a < f->alternatives; a++)
        for (int i = f->a_start[a]; i < f->a_start[a + 1]; i++)
            t[i] = 0.999 * mix[a] * a_share[i] + 0.001 / a_n;
    for (int m = 0; m < f->memories; m++)
        for (int i = f->m_start[m]; i < f->m_start[m + 1]; i++) w[i] = dual[m] * m_share[i];
    for (int i = 0; i < f->axes; i++) eta[i] = dual[f->memories + i];
    for (int q = 0; q < q_n; q++) first[q] = lead(f, average, q, 20.0);
    memcpy(best, x, sizeof(double) * n);
    double step = 1.0, reached = -NEVER;
    int idle = 0, shorter = 0;
    for (int it = 0; it < iterations; it++) {
        found->iterations++;
        memset(now, 0, sizeof(double) * q_n);
        double constant = 0.0, energy = f->energy_weight * slope, cycles = f->cycles_weight;
        if (f->energy_weight > 0.0) {
            constant += f->energy_weight * offset;
            for (int i = 0; i < e_n; i++) {
                int q = i < f->energies ? f->e_quantity[i] : f->a_quantity[i - f->energies];
                load(f, now, q, energy * e[i], first[q]);
                constant += energy * e[i] * (e_log[i] - log(e[i]));
            }
        }
        if (cycles > 0.0)
            for (int a = 0; a < f->alternatives; a++) {
                double all = 0.0;
                for (int i = f->a_start[a]; i < f->a_start[a + 1]; i++) all += t[i];
                for (int i = f->a_start[a]; i < f->a_start[a + 1]; i++) {
                    load(f, now, f->a_quantity[i], cycles * t[i], first[f->a_quantity[i]]);
                    constant += cycles * t[i] * (f->a_log[i] - log(t[i] / all));
                }
            }
        for (int m = 0; m < f->memories; m++) {
            double all = 0.0;
            for (int i = f->m_start[m]; i < f->m_start[m + 1]; i++) all += w[i];
            if (all <= 0.0) continue;
            for (int i = f->m_start[m]; i < f->m_start[m + 1]; i++) {
                if (w[i] <= 0.0) continue;
                now[f->m_quantity[i]] += w[i];
                constant += w[i] * (f->m_log[i] - log(w[i] / all));
            }
            constant -= all * log(f->m_size[m]);
        }
        for (int i = 0; i < f->axes; i++) {
            now[f->x_quantity[i]] += eta[i];
            constant -= eta[i] * f->x_size[i];
        }
        spread(g, f, now, by_section);
        weigh(g, f, by_section, edge_weight);
        double bound = constant + paths(g, edge_weight, ahead, best_edge);
        if (bound > reached + 1e-4 * (f->limit - reached)) idle = 0;
        else idle++;
        if (bound > reached) {
            reached = bound;
            memcpy(best, x, sizeof(double) * n);
        }
        if (bound > found->bound) {
            found->bound = bound;
            found->constant = constant;
            memcpy(weight, now, sizeof(double) * q_n);
        }
        if (found->bound > f->limit) return;
        if (idle >= 5) {
            step *= 0.5;
            idle = 0;
            if (++shorter > 4) break;
            memcpy(x, best, sizeof(double) * n);
        }
        follow(g, best_edge, path);
        measure(g, f, path, value, sums);
        /* the subgradient, and its length */
        double length = 0.0, mean = 0.0;
        if (energy > 0.0) {
            for (int i = 0; i < e_n; i++) {
                int q = i < f->energies ? f->e_quantity[i] : f->a_quantity[i - f->energies];
                double v = f->other[q] < 0 ? value[q] : first[q] * value[q] + (1 - first[q]) * value[f->other[q]];
                grad[i] = energy * (e_log[i] + v - log(e[i]));
                mean += e[i] * grad[i];
            }
            for (int i = 0; i < e_n; i++) {
                grad[i] -= mean;
                length += e[i] * grad[i] * grad[i];
            }
        }
        double *t_grad = grad + e_n, *w_grad = t_grad + a_n, *x_grad = w_grad + m_n;
        mean = 0.0;
        if (cycles > 0.0) {
            for (int a = 0; a < f->alternatives; a++) {
                double all = 0.0;
                for (int i = f->a_start[a]; i < f->a_start[a + 1]; i++) all += t[i];
                for (int i = f->a_start[a]; i < f->a_start[a + 1]; i++) {
                    int q = f->a_quantity[i];
                    double v = f->other[q] < 0 ? value[q] : first[q] * value[q] + (1 - first[q]) * value[f->other[q]];
                    t_grad[i] = cycles * (f->a_log[i] + v - log(t[i] / all));
                    mean += t[i] * t_grad[i];
                }
            }
            for (int i = 0; i < a_n; i++) {
                t_grad[i] -= mean;
                length += t[i] * t_grad[i] * t_grad[i];
            }
        }
        for (int m = 0; m < f->memories; m++) {
            double all = 0.0;
            int many = f->m_start[m + 1] - f->m_start[m];
            for (int i = f->m_start[m]; i < f->m_start[m + 1]; i++) all += w[i];
            for (int i = f->m_start[m]; i < f->m_start[m + 1]; i++) {
                double share = all > 1e-9 ? w[i] / all : 1.0 / many;
                w_grad[i] = f->m_log[i] + value[f->m_quantity[i]] - log(share + 1e-6) - log(f->m_size[m]);
                length += (w[i] > 0.02 ? w[i] : w_grad[i] > 0 ? 0.02 : w[i]) * w_grad[i] * w_grad[i];
            }
        }
        for (int i = 0; i < f->axes; i++) {
            x_grad[i] = value[f->x_quantity[i]] - f->x_size[i];
            length += (eta[i] > 0.02 ? eta[i] : x_grad[i] > 0 ? 0.02 : eta[i]) * x_grad[i] * x_grad[i];
        }
        double stride = step * (f->limit - bound) / (length > 1e-9 ? length : 1e-9);
        if (f->limit - bound > 1e6) stride = 0.5;
        if (stride > step) stride = step;
        double all = 0.0;
        if (energy > 0.0) {
            for (int i = 0; i < e_n; i++) all += e[i] *= exp(clipped(stride * grad[i], 2.0));
            for (int i = 0; i < e_n; i++) e[i] = 0.9995 * e[i] / all + 0.0005 / e_n;
        }
        if (cycles > 0.0) {
            all = 0.0;
            for (int i = 0; i < a_n; i++) all += t[i] *= exp(clipped(stride * t_grad[i], 2.0));
            for (int i = 0; i < a_n; i++) t[i] = 0.9995 * t[i] / all + 0.0005 / a_n;
        }
        for (int i = 0; i < m_n; i++) {
            w[i] += stride * (w[i] > 0.02 ? w[i] : 0.02) * clipped(w_grad[i], 3.0);
            if (w[i] < 0.0) w[i] = 0.0;
        }
        for (int i = 0; i < f->axes; i++) {
            eta[i] += stride * (eta[i] > 0.02 ? eta[i] : 0.02) * clipped(x_grad[i], 3.0);
            if (eta[i] < 0.0) eta[i] = 0.0;
        }
        for (int q = 0; q < q_n; q++)
            if (f->other[q] >= 0) {
                double odds = log((first[q] + 1e-9) / (1 - first[q] + 1e-9));
                odds = clipped(odds + 4 * stride * clipped(value[q] - value[f->other[q]], 3.0), 20.0);
                first[q] = 1 / (1 + exp(-odds));
            }
    }
    for (int m = 0; m < f->memories; m++) {
        dual[m] = 0.0;
        for (int i = f->m_start[m]; i < f->m_start[m + 1]; i++) dual[m] += best[e_n + a_n + i];
    }
    for (int i = 0; i < f->axes; i++) dual[f->memories + i] = best[e_n + a_n + m_n + i];
}

/* A bound on the weighted logarithm over all paths, by conditional gradients.
 *
 * `weight[quantities]` and `Found` receive the best bound: no choice of paths costs less than
 * constant + its weighted quantities. `candidates[most, blocks * sections]`: paths met on the way that fit,
 * better ones last. -1 where nothing is possible at all; -2 no memory, -5 a graph beyond the kernel's limits. */
EXPORT int relax(const Graph *g, const Family *f, int iterations, double *average, double *dual, int warm,
                 double *weight, Found *found, int *candidates, int most) {
    if (!small_enough(g)) return TOO_LARGE;
    int q_n = f->quantities, a_terms = f->a_start[f->alternatives], edges = g->edge_start[g->blocks * g->sections];
    int all_nodes = 0, e_n = f->energies + (f->leakage > 0.0 ? a_terms : 0);
    int m_terms = f->m_start[f->memories];
    for (int i = 0; i < g->blocks * (g->sections + 1); i++) all_nodes += g->nodes[i];
    size_t doubles = (size_t)edges + all_nodes + 3 * (size_t)q_n + 2 * (size_t)e_n + 2 * (size_t)a_terms +
                     2 * (size_t)m_terms + 3 * (size_t)f->alternatives + 2 * (size_t)(g->sections * g->columns) + 16 +
                     4 * ((size_t)e_n + a_terms + m_terms + f->axes + q_n) + q_n;
    double *room = malloc(sizeof(double) * doubles);
    int *ints = malloc(sizeof(int) * ((size_t)all_nodes + (size_t)g->blocks * g->sections));
    if (!room || !ints) { free(room); free(ints); return -2; }
    double *edge_weight = room, *ahead = edge_weight + edges, *now = ahead + all_nodes, *value = now + q_n;
    double *e_log = value + q_n, *e_share = e_log + e_n, *a_log = e_share + e_n;
    double *a_share = a_log + a_terms, *m_log = a_share + a_terms, *m_share = m_log + m_terms;
    double *a_value = m_share + m_terms, *theta = a_value + f->alternatives, *mix = theta + f->alternatives;
    double *by_section = mix + f->alternatives, *sums = by_section + g->sections * g->columns;
    double *spare = sums + g->sections * g->columns;
    int *best_edge = ints, *path = best_edge + all_nodes;
    double slope = 1.0, offset = 0.0, best_value = NEVER;
    /* a line below log(pJ - returned), linear in log(pJ) */
    if (f->returned > 0.0 && f->low <= f->returned * (1 + 1e-12)) {
        slope = 0.0; /* all may be returned: nothing is known */
        offset = log(1e-30);
    } else if (f->returned > 0.0 && f->high <= f->low * (1 + 1e-9)) {
        offset = log(1 - f->returned / f->low);
    } else if (f->returned > 0.0) {
        double l = log(f->low - f->returned), h = log(f->high - f->returned);
        slope = (h - l) / (log(f->high) - log(f->low));
        offset = l - slope * log(f->low);
    }
    int possible = 1;
    found->bound = -NEVER;
    found->candidates = 0;
    found->iterations = 0;
    int first_phase = iterations < (warm ? WARM : COLD) ? iterations : (warm ? WARM : COLD);
    for (int it = 0; it < first_phase; it++) {
        int blind = it == 0 && !warm;
        found->iterations = it + 1;
        /* shares of the terms at the average point */
        for (int a = 0; a < f->alternatives; a++) {
            int first = f->a_start[a], n = f->a_start[a + 1] - first;
            for (int i = first; i < first + n; i++) a_log[i] = f->a_log[i] + (blind ? 0.0 : larger(f, average, f->a_quantity[i]));
            a_value[a] = log_sum(n, a_log + first, a_share + first);
        }
        double sharp = 4.0 + 0.7 * it;
        if (sharp > 40.0) sharp = 40.0;
        for (int a = 0; a < f->alternatives; a++) theta[a] = sharp * a_value[a];
        if (f->alternatives) log_sum(f->alternatives, theta, mix);
        for (int i = 0; i < f->energies; i++) e_log[i] = f->e_log[i] + (blind ? 0.0 : larger(f, average, f->e_quantity[i]));
        if (f->leakage > 0.0)
            for (int a = 0; a < f->alternatives; a++)
                for (int i = f->a_start[a]; i < f->a_start[a + 1]; i++)
                    e_log[f->energies + i] = a_log[i] + log(f->leakage * mix[a] + 1e-300);
        log_sum(e_n, e_log, e_share);
        /* the bound is linear in the quantities from here on */
        memset(now, 0, sizeof(double) * q_n);
        double constant = 0.0;
        if (f->energy_weight > 0.0) {
            double w = f->energy_weight * slope;
            constant += f->energy_weight * offset + w * entropy(e_n, e_share);
            for (int i = 0; i < f->energies; i++) {
                load(f, now, f->e_quantity[i], w * e_share[i], blind ? 0.5 : lead(f, average, f->e_quantity[i], sharp));
                constant += w * e_share[i] * f->e_log[i];
            }
            if (f->leakage > 0.0)
                for (int a = 0; a < f->alternatives; a++)
                    for (int i = f->a_start[a]; i < f->a_start[a + 1]; i++) {
                        double share = e_share[f->energies + i];
                        if (share <= 0.0) continue;
                        load(f, now, f->a_quantity[i], w * share, blind ? 0.5 : lead(f, average, f->a_quantity[i], sharp));
                        constant += w * share * (f->a_log[i] + log(f->leakage * mix[a] + 1e-300));
                    }
        }
        if (f->cycles_weight > 0.0)
            for (int a = 0; a < f->alternatives; a++) {
                int first = f->a_start[a], n = f->a_start[a + 1] - first;
                double w = f->cycles_weight * mix[a];
                if (w <= 0.0) continue;
                constant += w * entropy(n, a_share + first);
                for (int i = first; i < first + n; i++) {
                    load(f, now, f->a_quantity[i], w * a_share[i], blind ? 0.5 : lead(f, average, f->a_quantity[i], sharp));
                    constant += w * a_share[i] * f->a_log[i];
                }
            }
        for (int m = 0; m < f->memories; m++) {
            int first = f->m_start[m], n = f->m_start[m + 1] - first;
            for (int i = first; i < first + n; i++) m_log[i] = f->m_log[i] + (blind ? 0.0 : average[f->m_quantity[i]]);
            log_sum(n, m_log + first, m_share + first);
            if (dual[m] <= 0.0) continue;
            constant += dual[m] * (entropy(n, m_share + first) - log(f->m_size[m]));
            for (int i = first; i < first + n; i++) {
                now[f->m_quantity[i]] += dual[m] * m_share[i];
                constant += dual[m] * m_share[i] * f->m_log[i];
            }
        }
        for (int x = 0; x < f->axes; x++) {
            now[f->x_quantity[x]] += dual[f->memories + x];
            constant -= dual[f->memories + x] * f->x_size[x];
        }
        spread(g, f, now, by_section);
        weigh(g, f, by_section, edge_weight);
        double least = paths(g, edge_weight, ahead, best_edge);
        if (least >= NEVER / 2) { possible = 0; break; }
        double bound = constant + least;
        if (bound > found->bound) {
            found->bound = bound;
            found->constant = constant;
            memcpy(weight, now, sizeof(double) * q_n);
        }
        follow(g, best_edge, path);
        measure(g, f, path, value, sums);
        if (most > 0 && fits(f, value)) {
            double cycles, energy, own = cost(f, value, &cycles, &energy, 1);
            if (own < best_value - 1e-12 && own <= f->limit && cycles <= f->most_cycles && energy <= f->most_energy) {
                best_value = own;
                if (found->candidates == most) {
                    memmove(candidates, candidates + g->blocks * g->sections,
                            sizeof(int) * (size_t)(most - 1) * g->blocks * g->sections);
                    found->candidates--;
                }
                memcpy(candidates + (size_t)found->candidates * g->blocks * g->sections, path,
                       sizeof(int) * (size_t)g->blocks * g->sections);
                found->candidates++;
            }
        }
        if (found->bound > f->limit) break;
        double step = 2.0 / (it + 2 + (warm ? 2 : 0));
        if (step < 0.06) step = 0.06;
        for (int q = 0; q < q_n; q++) average[q] = blind ? value[q] : (1 - step) * average[q] + step * value[q];
        double stride = 0.3 / sqrt(it + 1.0 + (warm ? 8 : 0));
        for (int m = 0; m < f->memories; m++) {
            int first = f->m_start[m], n = f->m_start[m + 1] - first;
            for (int i = first; i < first + n; i++)
                m_log[i] = f->m_log[i] + 0.5 * (value[f->m_quantity[i]] + average[f->m_quantity[i]]);
            double over = log_sum(n, m_log + first, m_share + first) - log(f->m_size[m]);
            dual[m] += stride * (over > 1 ? 1 : over < -1 ? -1 : over);
            if (dual[m] < 0.0) dual[m] = 0.0;
        }
        for (int x = 0; x < f->axes; x++) {
            int q = f->x_quantity[x];
            double over = 0.5 * (value[q] + average[q]) - f->x_size[x];
            dual[f->memories + x] += stride * (over > 1 ? 1 : over < -1 ? -1 : over);
            if (dual[f->memories + x] < 0.0) dual[f->memories + x] = 0.0;
        }
    }
    if (possible && found->bound <= f->limit && iterations > first_phase)
        climb(g, f, iterations - first_phase, slope, offset, average, dual, weight, found, edge_weight, ahead, best_edge,
              path, value, now, by_section, sums, e_n, e_log, e_share, mix, a_share, m_share, spare);
    free(room);
    free(ints);
    return possible ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------- listing */

typedef struct {
    double over;   /* by how much the path is above the best of its block */
    int first;     /* where its edges are */
} Path;

typedef struct {
    Path *path;
    double *value; /* [paths, quantities] */
    int *edge;     /* [paths, sections] */
    double *least; /* [quantities] */
    int many, room;
} List;

typedef struct {
    const Graph *g;
    const Family *f;
    const double *edge_weight, *ahead;
    double slack;
    int most, overflow;
    int layer[MAX_LAYERS], way[MAX_LAYERS];
} Walk;

static int by_over(const void *a, const void *b) {
    double x = ((const Path *)a)->over, y = ((const Path *)b)->over;
    return x < y ? -1 : x > y ? 1 : ((const Path *)a)->first - ((const Path *)b)->first;
}

static void list_paths(Walk *w, int b, int s, int node, double over, List *list) {
    const Graph *g = w->g;
    if (w->overflow) return;
    if (s == g->sections) {
        if (list->many == list->room) {
            int room = list->room ? 2 * list->room : 64;
            Path *path = realloc(list->path, sizeof(Path) * room);
            if (path) list->path = path;
            int *edge = realloc(list->edge, sizeof(int) * (size_t)room * g->sections);
            if (edge) list->edge = edge;
            if (!path || !edge) { w->overflow = 2; return; }
            list->room = room;
        }
        if (list->many >= w->most) { w->overflow = 1; return; }
        list->path[list->many].over = over;
        list->path[list->many].first = list->many;
        memcpy(list->edge + (size_t)list->many * g->sections, w->way, sizeof(int) * g->sections);
        list->many++;
        return;
    }
    /* edges of a layer are sorted by where they begin */
    int low = g->edge_start[b * g->sections + s], high = g->edge_start[b * g->sections + s + 1], end = high;
    while (low < high) {
        int middle = (low + high) / 2;
        if (g->src[middle] < node) low = middle + 1; else high = middle;
    }
    double here = w->ahead[w->layer[s] + node];
    for (int e = low; e < end && g->src[e] == node; e++) {
        double more = w->edge_weight[e] + w->ahead[w->layer[s + 1] + g->dst[e]] - here;
        if (more < NEVER / 4 && over + more <= w->slack) {
            w->way[s] = e;
            list_paths(w, b, s + 1, g->dst[e], over + more, list);
        }
    }
}

typedef struct {
    const Graph *g;
    const Family *f;
    List *list;
    int order[MAX_BLOCKS], chosen[MAX_BLOCKS];
    double *partial;  /* [blocks + 1, quantities] */
    double *rest;     /* [blocks + 1, quantities]: the least that blocks from here on add */
    double *guess;
    double slack;
    int *leaf;
    double *leaf_cost;
    int many, most;
    long long seen, patience;
    int overflow;
} Join;

static void join(Join *j, int depth, double over) {
    const Family *f = j->f;
    int q_n = f->quantities, blocks = j->g->blocks;
    double *have = j->partial + (size_t)depth * q_n;
    if (depth == blocks) {
        double cycles, energy;
        double both = cost(f, have, &cycles, &energy, 1);
        if (both > f->limit || cycles > f->most_cycles || energy > f->most_energy || !fits(f, have)) return;
        if (j->many == j->most) { j->overflow = 1; return; }
        int *leaf = j->leaf + (size_t)j->many * blocks * j->g->sections;
        for (int b = 0; b < blocks; b++) {
            const List *list = j->list + b;
            memcpy(leaf + b * j->g->sections,
                   list->edge + (size_t)list->path[j->chosen[b]].first * j->g->sections, sizeof(int) * j->g->sections);
        }
        j->leaf_cost[2 * j->many] = cycles;
        j->leaf_cost[2 * j->many + 1] = energy;
        j->many++;
        return;
    }
    int b = j->order[depth];
    const List *list = j->list + b;
    double *next = have + q_n, *rest = j->rest + (size_t)(depth + 1) * q_n;
    for (int i = 0; i < list->many && !j->overflow; i++) {
        double sum = over + list->path[i].over;
        if (sum > j->slack) break;
        if (++j->seen > j->patience) { j->overflow = 3; return; }
        const double *own = list->value + (size_t)list->path[i].first * q_n;
        for (int q = 0; q < q_n; q++) next[q] = have[q] + own[q];
        if (depth + 1 < blocks) {
            for (int q = 0; q < q_n; q++) j->guess[q] = next[q] + rest[q];
            if (!fits(f, j->guess) || !wanted(f, j->guess)) continue;
        }
        j->chosen[b] = i;
        join(j, depth + 1, sum);
    }
}

/* All choices of paths that the bound leaves within the limit, with their own lower bounds of cycles and pJ.
 *
 * Returns how many; -1 too many paths of a block, -2 no memory, -3 too many leaves, -4 out of patience,
 * -5 a graph beyond the kernel's limits. */
EXPORT int leave(const Graph *g, const Family *f, const double *weight, double constant, int *leaf, double *leaf_cost,
                 int most, int most_paths, long long patience, int *kept) {
    *kept = 0;
    if (!small_enough(g)) return TOO_LARGE;
    int q_n = f->quantities, edges = g->edge_start[g->blocks * g->sections], all_nodes = 0, result = -2;
    for (int i = 0; i < g->blocks * (g->sections + 1); i++) all_nodes += g->nodes[i];
    List lists[MAX_BLOCKS];
    memset(lists, 0, sizeof lists);
    double *room = malloc(sizeof(double) * ((size_t)edges + all_nodes + (size_t)g->sections * g->columns +
                                            (size_t)q_n * (2 * g->blocks + 4)));
    int *best_edge = malloc(sizeof(int) * all_nodes);
    if (!room || !best_edge) goto done;
    double *edge_weight = room, *ahead = edge_weight + edges, *by_section = ahead + all_nodes;
    double *partial = by_section + g->sections * g->columns;
    spread(g, f, weight, by_section);
    weigh(g, f, by_section, edge_weight);
    double least = paths(g, edge_weight, ahead, best_edge);
    result = 0;
    double slack = f->limit - constant - least;
    if (least >= NEVER / 2 || slack < 0.0) goto done;
    slack += 1e-9;
    Walk walk = {g, f, edge_weight, ahead, slack, most_paths, 0, {0}, {0}};
    int at = 0;
    for (int b = 0; b < g->blocks; b++) {
        for (int s = 0; s <= g->sections; s++) {
            walk.layer[s] = at;
            at += g->nodes[b * (g->sections + 1) + s];
        }
        list_paths(&walk, b, 0, 0, 0.0, lists + b);
        if (walk.overflow) { result = walk.overflow == 2 ? -2 : -1; goto done; }
        List *list = lists + b;
        list->value = malloc(sizeof(double) * (size_t)list->many * q_n);
        list->least = malloc(sizeof(double) * q_n);
        if (!list->value || !list->least) { result = -2; goto done; }
        for (int i = 0; i < list->many; i++)
            for (int q = 0; q < q_n; q++) {
                double sum = 0.0;
                for (int k = f->q_start[q]; k < f->q_start[q + 1]; k++)
                    sum += f->q_factor[k] *
                           g->column[(size_t)list->edge[(size_t)i * g->sections + f->q_section[k]] * g->columns +
                                     f->q_column[k]];
                list->value[(size_t)i * q_n + q] = sum;
                if (i == 0 || sum < list->least[q]) list->least[q] = sum;
            }
        qsort(list->path, list->many, sizeof(Path), by_over);
    }
    Join j = {g, f, lists, {0}, {0}, partial, partial + (size_t)q_n * (g->blocks + 1), NULL, slack,
              leaf, leaf_cost, 0, most, 0, patience, 0};
    j.guess = j.rest + (size_t)q_n * (g->blocks + 1);
    for (int b = 0; b < g->blocks; b++) j.order[b] = b;
    for (int a = 1; a < g->blocks; a++) /* short lists first */
        for (int b = a; b > 0 && lists[j.order[b]].many < lists[j.order[b - 1]].many; b--) {
            int swap = j.order[b];
            j.order[b] = j.order[b - 1];
            j.order[b - 1] = swap;
        }
    memset(j.partial, 0, sizeof(double) * q_n);
    memset(j.rest + (size_t)g->blocks * q_n, 0, sizeof(double) * q_n);
    for (int depth = g->blocks - 1; depth >= 0; depth--)
        for (int q = 0; q < q_n; q++)
            j.rest[(size_t)depth * q_n + q] = j.rest[(size_t)(depth + 1) * q_n + q] + lists[j.order[depth]].least[q];
    join(&j, 0, 0.0);
    result = j.overflow == 1 ? -3 : j.overflow == 3 ? -4 : j.many;
    *kept = j.many;
done:
    for (int b = 0; b < g->blocks; b++) {
        free(lists[b].path);
        free(lists[b].value);
        free(lists[b].edge);
        free(lists[b].least);
    }
    free(room);
    free(best_edge);
    return result;
}

/* Bytes of the structures that are passed: a kernel that was built from other ones must not be used. */
EXPORT int layout(void) { return (int)(sizeof(Graph) + sizeof(Family) + sizeof(Found)); }

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_kernel",
    .m_doc = "The mapper's inner loops, for ctypes.",
    .m_size = -1,
};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModule_Create(&module); }
