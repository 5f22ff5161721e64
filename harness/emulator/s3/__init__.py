"""What LocalStack's S3 lacks of AWS's: who signed a request or a form, what a form's policy allows, when what happened."""
