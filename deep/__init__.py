"""The same pruning algorithms on networks: models, masks, data, training, resumable runs, and what is measured on them.

``Config`` says what to train; ``run`` drives the loop of ``theory.algorithms`` with a ``TorchTrainer`` (or a trainer of one's
own) and stores every level in a run folder; ``sweep`` does so for several algorithms and replicates; ``analyses`` compares
them. By paper:

| file | what it follows |
|---|---|
| trainer, schedule, optimisers | the training of [1]: warm-up and steps in each level, batch norm rewound or kept; Adam |
| network | what is computed on one network: precision, compilation, the loss |
| masks, metrics | the sign statistics of [1], counted exactly and on the level's mask |
| groups | layers with a share of their own, as in [2] and [4] |
| models/ | the ResNets of [5], torchvision's ResNets and VGGs; LeNet-300-100 and Conv-2/4/6, as in [2] and [4] |
| presets | the published settings of [1]–[4] |
| data, splits, crops | images on the device, in an order and with moves made by counters |
| images, folders, archives, listings, imagenet, stream | where images come from, in memory or streamed |
| runs, own, donors | one run; a trainer of one's own; masks and signs borrowed from other runs |
| store, checkpoint, files | run folders, levels under way, and how both survive a crash |
| stacked, stacked_… | replicas and arms of small networks trained at once |
| distributed, sync_norm | one network on several devices |
| sweeps, sweep_records | several algorithms and seeds on any executor |
| listing, pack, unpack, pack_files, tensor_bytes | what there is; one file to carry |
| analyses, comparison, power, costs | paired differences, how many seeds, the cost before start |
| cli, cli_read, cli_write, tables | the commands |

[1] Gadhikar, Burkholz. Masks, Signs, And Learning Rate Rewinding. arXiv 2402.19262, 2024.
[2] Frankle, Dziugaite, Roy, Carbin. Stabilizing the Lottery Ticket Hypothesis. arXiv 1903.01611, 2019.
[3] Paul, Chen, Larsen, Frankle, Ganguli, Dziugaite. Unmasking the Lottery Ticket. arXiv 2210.03044, 2022.
[4] Zhou, Lan, Liu, Yosinski. Deconstructing Lottery Tickets: Zeros, Signs, and the Supermask. arXiv 1905.01067, 2019.
[5] He, Zhang, Ren, Sun. Deep Residual Learning for Image Recognition. arXiv 1512.03385, 2015.
"""

from theory.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "config": "Config Training",
        "runs": "run",
        "store": "load_run",
        "sweeps": "sweep",
        "trainer": "TorchTrainer Diverged",
        "masks": "Masked",
        "data": "Data Resident",
        "images": "Images Split read",
        "presets": "PRESETS preset",
        "models": "",
        "analyses": "",
    },
)
