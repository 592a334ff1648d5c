"""Where what stands in the vectors that the fused kernels take: constants and counters."""

from lavaprune.energy.counts import N_COUNTERS

# rows of the constants vector, int64
(
    K_SEED,
    K_STEPS,
    K_V_REST,
    K_V_TH,
    K_E_EXC,
    K_E_INH,
    K_LEAK,
    K_DECAY_GE,
    K_DECAY_GI,
    K_GAIN_EXC,
    K_GAIN_INH,
    K_REFRACTORY,
    K_INTERNEURONS,
    K_INH_V_TH,
    K_INH_LEAK,
    K_INH_GAIN_EXC,
    K_INH_REFRACTORY,
    K_THETA_LOSS,
    K_PERIOD,
    K_EQUALISE,
    K_REFERENCE_SUM,
) = range(21)
N_CONSTANTS = 21

# counters, in the order of `energy.counts.COUNTER_NAMES`
(
    C_INPUT_SPIKES,
    C_EXC_SPIKES,
    C_INH_SPIKES,
    C_INPUT_ACC,
    C_EXC_INH_ACC,
    C_LATERAL_ACC,
    C_DEP_UPDATES,
    C_DEP_LIVE,
    C_DEP_CHANGED,
    C_POT_UPDATES,
    C_POT_LIVE,
    C_POT_CHANGED,
    C_EXC_ACTIVE,
    C_EXC_INACTIVE,
    C_INH_ACTIVE,
    C_INH_INACTIVE,
    C_NORMALISATION,
    C_CONTROLLER,
) = range(N_COUNTERS)

LONG_AGO = -(1 << 30)  # step of a spike that never was
NEVER_REACHED = 2.0**30  # threshold of a padding lane
LANES = 32  # rows of weights are padded to a multiple of this, for whole vectors
ROWS = 6  # so many rows of weights are summed at a time; the row after the last input's is 0
COPIED = 16  # spikes that are copied at a time; rows of spikes have room for as many more
CACHE_LINE = 64  # bytes; arrays that are walked by whole vectors start at a multiple of this
