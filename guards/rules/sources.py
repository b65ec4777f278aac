"""Where the rules come from."""

_GUIDE = "https://docs.aws.amazon.com/nova/latest/nova2-userguide"
_RECIPES = "https://github.com/aws/sagemaker-hyperpod-recipes"
_FORGE = "https://github.com/aws/nova-forge-sdk"
_SKILLS = "https://github.com/awslabs/agent-plugins"

SOURCES: dict[str, str] = {
    "R": f"{_RECIPES} recipe files",
    "T": f"{_RECIPES} launcher/recipe_templatization/nova/nova_recipe_template_parameters.json",
    "K": f"{_FORGE} validation/validator.py, dataset/configs/dataset_checks_config.py",
    "S": f"{_SKILLS} nova-hyperparameter-guidance.md, nova-iterative-training.md, nova-science-guidance.md",
    "D1": f"{_GUIDE}/nova-sft-2-smhp.html",
    "D2": f"{_GUIDE}/nova-sft-2-smtj.html",
    "D3": f"{_GUIDE}/nova-data-prep-sft-2.html",
    "D4": f"{_GUIDE}/nova-hp-rft-nova2.html",
    "D5": f"{_GUIDE}/nova-rft-2-smtj.html",
    "D6": f"{_GUIDE}/nova-data-prep-rft-2.html",
    "D8": f"{_GUIDE}/nova-forge-sft.html",
    "D11": "https://docs.aws.amazon.com/bedrock/latest/userguide/cm-hp-nova-mm.html",
    "D12": "https://docs.aws.amazon.com/nova/latest/userguide/fine-tune-prepare-data-understanding.html",
    "D13": "https://docs.aws.amazon.com/nova/latest/userguide/nova-dpo-smtj.html",
    "D14": "https://docs.aws.amazon.com/bedrock/latest/userguide/rft-prepare-data.html",
    "P1": "https://docs.aws.amazon.com/sagemaker/latest/dg/nova-cpt-1.html",
    "EVAL": "https://docs.aws.amazon.com/sagemaker/latest/dg/nova-model-evaluation.html",
    "QUOTA": "https://docs.aws.amazon.com/general/latest/gr/sagemaker.html",
    "ROLE": "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html",
    "MAXRUN": "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html",
    "arithmetic": "our own arithmetic over the recipe and the data",
    "ours": "our own rule of prudence",
}
"""Source key to address; several keys of one rule are separated by a comma."""
