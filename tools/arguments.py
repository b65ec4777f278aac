"""Argument types the tools share."""

from typing import Literal

from pydantic import JsonValue

Model = Literal["nova_micro", "nova_lite", "nova_lite_2", "nova_pro"]
Method = Literal[
    "SFT_LORA",
    "SFT_FULL",
    "DPO_LORA",
    "DPO_FULL",
    "CPT",
    "RFT_LORA",
    "RFT_FULL",
    "RFT_MULTITURN_LORA",
    "RFT_MULTITURN_FULL",
    "EVALUATION",
]
DataTask = Literal["gen_qa", "llm_judge", "rft_eval"]
"""What the data of an evaluation are for."""
PlatformName = Literal["sagemaker", "serverless", "hyperpod", "bedrock"]
DeploymentTarget = Literal["sagemaker", "bedrock_on_demand", "bedrock_provisioned"]

Columns = dict[str, str]
"""Logical column name to source column name."""

Overrides = dict[str, JsonValue]
"""Recipe leaf name to value."""
