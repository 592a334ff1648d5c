"""Figures and tables of Guo et al. 2020, computed anew and compared with what the paper says."""
