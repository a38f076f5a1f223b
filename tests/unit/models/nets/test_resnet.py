"""The ResNet-18 has the same weights and outputs as MONAI's ResNet-18."""

import torch
from monai.networks.nets.resnet import resnet18

from models.nets.resnet import ResNet18


def test_names_initial_weights_and_output_are_those_of_monai() -> None:
    torch.manual_seed(1)
    net = ResNet18()
    torch.manual_seed(1)
    reference = resnet18(spatial_dims=2, n_input_channels=1, conv1_t_stride=2, feed_forward=False)
    expected = reference.state_dict()
    assert list(net.state_dict()) == list(expected)
    assert all(torch.equal(value, expected[name]) for name, value in net.state_dict().items())
    film = torch.randn(3, 1, 64, 64)
    assert torch.allclose(net.train()(film), reference.train()(film), atol=1e-6)
    assert torch.allclose(net.eval()(film), reference.eval()(film), atol=1e-6)
