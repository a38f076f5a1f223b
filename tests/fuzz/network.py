def run_there(*a): raise NotImplementedError
