"""The control word that a `Sequencer` sends to every Process of the graph in every step: ten int64 values.

===================  =================================================================================
column               content
===================  =================================================================================
``WORD_MODE``        0 free, 1 step of a sample, 2 hold
``WORD_START``       1 in the first step of a sample: everything goes to rest before the step
``WORD_END``         1 in the last step of a sample: the work of a sample's end follows the step
``WORD_REPORT``      what is to be sent after the step: 0 nothing, 1 the counters, 2 counters and state
``WORD_SAMPLE_ID``   these six as in a control row (`processes.control`), the same for the whole sample
``WORD_PHASE``
``WORD_MU_PRE_Q``
``WORD_MU_POST_Q``
``WORD_THETA_PLUS_Q``
``WORD_PRUNE_EVENT``
===================  =================================================================================

A Process whose ``control_in`` is not connected receives zeros, mode *free*: it runs on for ever without a reset,
learns at the rates of its own parameters and counts everything as training. In a *hold* step neurons and
weights stay as they are and nothing is counted: whatever arrives or is in flight is dropped, and zeros are sent.
"""

(
    WORD_MODE,
    WORD_START,
    WORD_END,
    WORD_REPORT,
    WORD_SAMPLE_ID,
    WORD_PHASE,
    WORD_MU_PRE_Q,
    WORD_MU_POST_Q,
    WORD_THETA_PLUS_Q,
    WORD_PRUNE_EVENT,
) = range(10)
WORD_COLUMNS = 10

MODE_FREE, MODE_SAMPLE, MODE_HOLD = range(3)

# What a host asks of a `Sequencer` with a sample; all but the last are also values of WORD_REPORT.
REPORT_NOTHING, REPORT_COUNTERS, REPORT_STATE, REPORT_STOP = range(4)
