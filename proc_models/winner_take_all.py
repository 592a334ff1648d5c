"""How `WinnerTakeAll` is wired."""

from __future__ import annotations

from lava.magma.core.decorator import implements
from lava.magma.core.model.sub.model import AbstractSubProcessModel

from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.conductance_lif import ConductanceLIF
from lavaprune.processes.controlled import ControlledProcess, CountingProcess
from lavaprune.processes.inhibitory_lif import InhibitoryLIF
from lavaprune.processes.lateral_inhibition import LateralInhibition
from lavaprune.processes.one_to_one import OneToOne
from lavaprune.processes.plastic_synapses import PlasticSynapses
from lavaprune.processes.poisson_encoder import PoissonEncoder
from lavaprune.processes.pruning_controller import PruningController
from lavaprune.processes.sequencer import PIPE_SAMPLES, Sequencer
from lavaprune.processes.spike_counter import SpikeCounter
from lavaprune.processes.winner_take_all import WinnerTakeAll


@implements(proc=WinnerTakeAll)
class WinnerTakeAllGraph(AbstractSubProcessModel):
    """The Processes of the network and their connections; the only model there is, so any RunConfig takes it."""

    def __init__(self, proc: WinnerTakeAll) -> None:
        p = proc.proc_params["parameters"]
        state = proc.proc_params["state"] or initial_state(p)
        images, control = proc.proc_params["images"], proc.proc_params["control"]

        self.sequencer = Sequencer(p.n_inputs, p.steps, images, control, name="sequencer")
        self.encoder = PoissonEncoder(p, name="encoder")
        self.synapses = PlasticSynapses(
            p,
            state.weights,
            state.conducts,
            state.plastic,
            state.batch_counts,
            state.column_targets,
            name="synapses",
        )
        self.excitatory = ConductanceLIF(p, state.theta, name="excitatory")
        self.lateral = LateralInhibition(p.n_neurons, name="lateral")
        self.counter = SpikeCounter(p.n_neurons, name="counter")

        self.sequencer.image_out.connect(self.encoder.image_in)
        self.encoder.s_out.connect(self.synapses.s_in)
        self.synapses.a_out.connect(self.excitatory.a_exc_in)
        self.excitatory.s_out.connect(self.synapses.s_post_in)
        self.excitatory.s_out.connect(self.counter.s_in)
        self.excitatory.s_out.connect(proc.s_out)
        self.lateral.a_out.connect(self.excitatory.a_inh_in)
        followers: list[ControlledProcess] = [self.encoder, self.synapses, self.excitatory, self.lateral, self.counter]
        if p.inhibition == "interneurons":
            self.one_to_one = OneToOne(p.n_neurons, name="one_to_one")
            self.inhibitory = InhibitoryLIF(p, name="inhibitory")
            self.excitatory.s_out.connect(self.one_to_one.s_in)
            self.one_to_one.a_out.connect(self.inhibitory.a_in)
            self.inhibitory.s_out.connect(self.lateral.s_in)
            followers += [self.one_to_one, self.inhibitory]
        else:
            self.excitatory.s_out.connect(self.lateral.s_in)
        for process in followers:
            self.sequencer.control_out.connect(process.control_in)

        method = proc.proc_params["pruning"]
        if method is not None:
            n_events = proc.proc_params["n_events"]
            self.controller = PruningController.of_network(self.synapses, state, method, n_events)
        if images is None:  # the host feeds samples in, and takes results out
            self._open_pipes(followers)

        proc.weights.alias(self.synapses.weights)
        proc.conducts.alias(self.synapses.conducts)
        proc.plastic.alias(self.synapses.plastic)
        proc.theta.alias(self.excitatory.theta)
        proc.spike_counts.alias(self.counter.counts)
        proc.batch_counts.alias(self.synapses.batch_counts)
        proc.column_targets.alias(self.synapses.column_targets)

    def _open_pipes(self, followers: list[ControlledProcess]) -> None:
        self.counter.counts_out.flag_external_pipe(buffer_size=PIPE_SAMPLES)
        for process in followers:
            if isinstance(process, CountingProcess):
                process.counters_out.flag_external_pipe(buffer_size=PIPE_SAMPLES)
        synapses = self.synapses
        for port in (
            synapses.weights_out,
            synapses.conducts_out,
            synapses.plastic_out,
            synapses.batch_counts_out,
            synapses.column_targets_out,
        ):
            port.flag_external_pipe(buffer_size=1)
        self.excitatory.theta_out.flag_external_pipe(buffer_size=1)
