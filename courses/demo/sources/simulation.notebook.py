# %% [markdown]
# # Notebook: watching the square-root law
#
# We simulate measurements and check three claims of lectures 1 to 3 with numbers: the square-root law, the noise
# of a moving average, and the price of the median.

# %%
import random
from statistics import mean, median, stdev

random.seed(2)

# %% [markdown]
# ## The standard error falls as one over the square root of n
#
# For each $n$ we repeat the whole experiment 4000 times and look at how much the mean varies from experiment to
# experiment. Theory says $\sigma/\sqrt{n}$ with $\sigma = 1$.


# %%
def spread_of(estimator, n, experiments=4000):
    """Standard deviation of an estimator over many experiments of n normal readings."""
    return stdev(estimator([random.gauss(0, 1) for _ in range(n)]) for _ in range(experiments))


for n in (1, 4, 16, 64):
    print(f"n = {n:2d}   simulated {spread_of(mean, n):.3f}   theory {n**-0.5:.3f}")

# %% [markdown]
# Each time the number of readings is multiplied by four, the spread of the mean is halved.

# %% [markdown]
# ## A moving average of white noise
#
# A moving average of length $M = 25$ should leave one fifth of the noise amplitude.


# %%
def moving_average(samples, length):
    """Means of the last `length` samples, from the first full window on."""
    total = sum(samples[:length])
    smoothed = [total / length]
    for newest, oldest in zip(samples[length:], samples):
        total += newest - oldest
        smoothed.append(total / length)
    return smoothed


noise = [random.gauss(0, 1) for _ in range(50_000)]
print(f"before {stdev(noise):.3f}   after {stdev(moving_average(noise, 25)):.3f}   theory {1 / 5:.3f}")

# %% [markdown]
# ## The price of the median
#
# For normal errors the variance of the median is larger than that of the mean by a factor of $\pi/2 \approx 1.57$.

# %%
ratio = (spread_of(median, 101) / spread_of(mean, 101)) ** 2
print(f"variance of the median over variance of the mean: {ratio:.2f}")

# %% [markdown]
# ## One wild reading
#
# The mean follows a single wild reading wherever it goes. The median does not move.

# %%
readings = [9.8, 10.1, 10.0, 9.9, 102.0]
print(f"mean {mean(readings):.2f} g   median {median(readings):.2f} g")
