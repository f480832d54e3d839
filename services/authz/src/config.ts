import { BaseConfig } from "@jetmesh/service-kit";

export const AuthzConfig = BaseConfig;
