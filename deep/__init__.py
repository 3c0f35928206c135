"""The same pruning algorithms on networks: models, masks, data, training, resumable runs, and what is measured on them.

``Config`` says what to train; ``run`` drives the loop of ``theory.algorithms`` with a ``TorchTrainer`` and stores every level
in a run folder; ``sweep`` does so for several algorithms and replicates; ``analyses`` compares them. By paper:

| file | what it follows |
|---|---|
| trainer, schedule | the training of [1]: warm-up and step schedule in every level, batch norm rewound or kept |
| masks, metrics | the sign statistics of [1], counted exactly and on the level's mask |
| models | the CIFAR ResNets of [5]; LeNet-300-100, as in [4] |

[1] Gadhikar, Burkholz. Masks, Signs, And Learning Rate Rewinding. arXiv 2402.19262, 2024.
[4] Zhou, Lan, Liu, Yosinski. Deconstructing Lottery Tickets: Zeros, Signs, and the Supermask. arXiv 1905.01067, 2019.
[5] He, Zhang, Ren, Sun. Deep Residual Learning for Image Recognition. arXiv 1512.03385, 2015.
"""

from theory.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "config": "Config",
        "runs": "run",
        "store": "load_run",
        "sweeps": "sweep",
        "trainer": "TorchTrainer Diverged",
        "analyses": "",
    },
)
