"""The control row that accompanies each sample, from the host to both engines: six int64 columns.

==================  ==================================================================================
column              content
==================  ==================================================================================
``SAMPLE_ID``       number of the sample, part of the key of every random draw of the sample
``PHASE``           0 idle (the row is skipped), 1 training, 2 labelling, 3 test
``MU_PRE_Q``        rate of depression, as `proc_models.fixed_point.depression_q16` takes it
``MU_POST_Q``       rate of potentiation, as `proc_models.fixed_point.potentiation_q16` takes it
``THETA_PLUS_Q``    step of the adaptive threshold at a spike, 2**-16 mV
``PRUNE_EVENT``     1 + k where pruning event k follows this sample's normalisation; -1 where a batch ends
                    without an event; else 0. Counts in training rows only. Spike counts of a batch start
                    anew after either
==================  ==================================================================================

Learning rates come with the sample, so annealing is decided once, by the host, in decimal arithmetic.
"""

SAMPLE_ID, PHASE, MU_PRE_Q, MU_POST_Q, THETA_PLUS_Q, PRUNE_EVENT = range(6)
CONTROL_COLUMNS = 6
BATCH_ENDS = -1
PHASE_IDLE, PHASE_TRAIN, PHASE_LABEL, PHASE_TEST = range(4)
