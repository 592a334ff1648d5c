"""The port: the trained network in stock Lava Processes, its exchange files, and the learning rule as Loihi writes it."""
