"""What a user exports of Keras's backend: JAX becomes a setting, which its own jobs alone load."""

import os
import subprocess
import sys

import pytest

from helpers.study.settings import REPOSITORY

ASKED = """
import os
from helpers.study import environment
print(environment.OF_THE_USER, os.environ["KERAS_BACKEND"])
"""


@pytest.mark.parametrize(
    ("exported", "told"), [("jax", "{'backend': 'jax'} tensorflow"), ("torch", "{} tensorflow")]
)
def test_only_jax_is_taken_from_the_users_environment(exported, told):
    environment = os.environ | {"KERAS_BACKEND": exported}
    command = [sys.executable, "-c", ASKED]
    answer = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    assert answer.stdout.strip() == told, answer.stderr
