"""What `toolkit.parameters` and `toolkit.runner` are made of: values of parameters, and the processes of a run."""
