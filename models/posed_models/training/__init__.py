"""What moves the weights: losses, optimisers, runs, logs; native/ is the same in C++."""
