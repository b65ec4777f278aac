"""Submit jobs through sagemaker's ModelTrainer.from_recipe, as a program of its own: it prints, and keeps singletons.

Reads a JSON list of jobs from standard input; AWS_ENDPOINT_URL points at the sandbox.
"""

import json
import sys
import warnings


def main() -> None:
    """Submit every job without waiting for it."""
    warnings.simplefilter("ignore")
    import boto3
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.shapes import S3DataSource
    from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig
    from sagemaker.train.model_trainer import ModelTrainer

    for job in json.load(sys.stdin):
        session = Session(boto_session=boto3.Session(), default_bucket=job["bucket"])
        inputs = [
            InputData(
                channel_name=name,
                data_source=S3DataSource(s3_data_type=kind, s3_uri=uri, s3_data_distribution_type="FullyReplicated"),
            )
            for name, kind, uri in job["channels"]
        ]
        trainer = ModelTrainer.from_recipe(
            training_recipe=job["recipe"],
            compute=Compute(instance_type=job["instance_type"], instance_count=job["instance_count"]),
            training_image=job["image"],
            role=job["role"],
            sagemaker_session=session,
            base_job_name=job["name"],
            output_data_config=OutputDataConfig(s3_output_path=job["output"]),
            input_data_config=inputs,
        )
        trainer.train(wait=False, logs=False)


if __name__ == "__main__":
    main()
