"""Choice states that no rule matches, and rules about a path that the input does not have.

LocalStack 4.14.0 fails the first with `States.Runtime`, and takes the second for a rule that does not match.
https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
"""

from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched
from harness.emulator.stepfunctions.failures import failure, while_executing

SERVICE = "stepfunctions"


def install() -> None:
    when_loaded(SERVICE, _patch)


def _patch() -> None:
    from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name_type import (
        StatesErrorNameType,
    )
    from localstack.services.stepfunctions.asl.component.state.state_choice.comparison.comparison_operator_type import (
        ComparisonOperatorType,
    )
    from localstack.services.stepfunctions.asl.component.state.state_choice.comparison.comparison_variable import (
        ComparisonVariable,
    )
    from localstack.services.stepfunctions.asl.component.state.state_choice.comparison.variable import NoSuchVariable
    from localstack.services.stepfunctions.asl.component.state.state_choice.state_choice import StateChoice

    @patched(
        StateChoice._eval_state,
        because="a Choice state that no rule matches fails with States.Runtime",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html",
    )
    def choose(original: Any, self: Any, env: Any) -> None:
        if self.default_state is not None:
            original(self, env)
            return
        for rule in self.choices_decl.rules:
            rule.eval(env)
            if env.stack.pop() is True:
                env.stack.append(rule.next_stmt.name)
                return
        cause = while_executing(env, "The choice state has no default, and none of its choices matched.")
        raise failure(env, StatesErrorNameType.StatesNoChoiceMatched, cause)

    @patched(
        ComparisonVariable._eval_body,
        because="a rule about a path that the input does not have counts as not matching",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html",
    )
    def compare(_original: Any, self: Any, env: Any) -> None:
        self.variable.eval(env)
        function = self.comparison_function
        if isinstance(env.stack[-1], NoSuchVariable) and function.operator_type != ComparisonOperatorType.IsPresent:
            path = self.variable.string_sampler.literal_value
            text = f"Invalid path '{path}': The choice state's condition path references an invalid value."
            raise failure(env, StatesErrorNameType.StatesRuntime, while_executing(env, text))
        function.eval(env)
