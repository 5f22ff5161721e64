"""Security: one row for each service."""

from harness.aws import icons
from harness.aws.model import ResourceKind, Service

SERVICES = (
    Service("acm", sdk_id="ACM", cloudformation=("CertificateManager",), read_call="list_certificates"),
    Service("acm-pca", sdk_id="ACM PCA", cloudformation=("ACMPCA",)),
    Service(
        "cognito-idp",
        title="Cognito",
        sdk_id="Cognito Identity Provider",
        cloudformation=("Cognito",),
        trigger="other",
        sam_events=("Cognito",),
        called_by=("cognito-idp",),
        read_call="list_user_pools",
        read_arguments={"MaxResults": 1},
        validation_error="InvalidParameterException",
        resources=(
            ResourceKind(
                ("AWS::Cognito::UserPool",),
                "user_pool",
                title="Cognito user pool",
                arns=(r"cognito-idp:userpool/(?P<name>.+)",),
                colour="security",
                icon=icons.USER_POOL,
            ),
        ),
    ),
    Service(
        "cognito-identity",
        title="Cognito identity",
        sdk_id="Cognito Identity",
        called_by=("cognito-identity",),
        read_call="list_identity_pools",
        read_arguments={"MaxResults": 1},
        resources=(
            ResourceKind(("AWS::Cognito::IdentityPool",), "identity_pool", is_detail=True),
            ResourceKind(("AWS::Cognito::IdentityPoolPrincipalTag",)),
            ResourceKind(("AWS::Cognito::IdentityPoolRoleAttachment",)),
        ),
    ),
    Service("ds", sdk_id="Directory Service", cloudformation=("DirectoryService",)),
    Service(
        "iam",
        title="IAM",
        sdk_id="IAM",
        cloudformation=("IAM",),
        read_call="list_roles",
        arn_variables={
            "groupnamewithpath": ("GroupName",),
            "instanceprofilenamewithpath": ("InstanceProfileName",),
            "policynamewithpath": ("PolicyName",),
            "rolenamewithpath": ("RoleName",),
            "usernamewithpath": ("UserName",),
        },
        documents=("PolicyDocument", "AssumeRolePolicyDocument", "PolicyInputList"),
        document_error="MalformedPolicyDocument",
        resources=(
            ResourceKind(("AWS::IAM::ManagedPolicy",), arns=(r"iam:policy/(?:.*/)?(?P<name>[^/]+)",)),
            ResourceKind(
                ("AWS::IAM::Role",), arns=(r"iam:role/(?:.*/)?(?P<name>[^/]+)", r"sts:assumed-role/(?P<name>[^/]+)")
            ),
            ResourceKind(("AWS::IAM::User",), arns=(r"iam:user/(?:.*/)?(?P<name>[^/]+)",)),
        ),
    ),
    Service("inspector2", sdk_id="Inspector2", cloudformation=("InspectorV2",)),
    Service(
        "kms",
        title="KMS",
        sdk_id="KMS",
        cloudformation=("KMS",),
        request_member="KeyId",
        called_by=("kms",),
        read_call="list_keys",
        condition_keys={
            "kms:grantoperations": "Operations",
            "kms:granteeprincipal": "GranteePrincipal",
            "kms:encryptionalgorithm": "EncryptionAlgorithm",
            "kms:requestalias": "KeyId",
        },
        documents=("Policy",),
        document_error="MalformedPolicyDocumentException",
        resources=(
            ResourceKind(("AWS::KMS::Key",), "key", is_detail=True, arns=(r"kms:key/(?P<name>.+)",), colour="security"),
        ),
    ),
    Service("payment-cryptography", sdk_id="Payment Cryptography", cloudformation=("PaymentCryptography",)),
    Service(
        "secretsmanager",
        title="Secrets Manager",
        sdk_id="Secrets Manager",
        cloudformation=("SecretsManager",),
        request_member="SecretId",
        called_by=("secretsmanager",),
        read_call="list_secrets",
        condition_keys={
            "secretsmanager:secretid": "SecretId",
            "secretsmanager:versionid": "VersionId",
            "secretsmanager:versionstage": "VersionStage",
            "secretsmanager:name": "Name",
        },
        documents=("ResourcePolicy",),
        document_error="MalformedPolicyDocumentException",
        resources=(
            ResourceKind(
                ("AWS::SecretsManager::Secret",), "secret", is_detail=True, name_property="Name", colour="security"
            ),
            ResourceKind(("AWS::SecretsManager::ResourcePolicy",), policy_of="SecretId"),
        ),
    ),
    Service(
        "sts",
        title="STS",
        sdk_id="STS",
        read_call="get_caller_identity",
        condition_keys={
            "sts:externalid": "ExternalId",
            "sts:rolesessionname": "RoleSessionName",
            "sts:sourceidentity": "SourceIdentity",
        },
        documents=("Policy",),
        document_error="MalformedPolicyDocument",
    ),
    Service("waf-regional", sdk_id="WAF Regional", cloudformation=("WAFRegional",)),
    Service("wafv2", sdk_id="WAFV2", read_call="list_web_acls", read_arguments={"Scope": "REGIONAL"}),
)
