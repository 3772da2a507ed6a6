import pytest

from toolkit import InputError, check_options


@pytest.mark.parametrize("threshold", [0.5, "0.3", "youden", "recall>=0.9", {"cost": {"fp": 1, "fn": 5}}])
def test_what_later_steps_take_is_let_through(threshold):
    check_options(threshold=threshold, constraint="true_positive_rate_parity")
    check_options(threshold=threshold)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": "recal>0.9"}, "The threshold must be"),
        ({"threshold": 2.0}, "threshold"),
        ({"constraint": "false"}, "there is no 'false'. Known: demographic_parity"),
        ({"constraint": "equalised_odds"}, "Did you mean 'equalized_odds'"),
    ],
)
def test_what_they_would_refuse_is_refused_first(options, message):
    with pytest.raises(InputError, match=message):
        check_options(**options)
