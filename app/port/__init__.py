"""The port: a trained network in stock Lava Processes, its exchange files, and the learning rule as Loihi has it."""
