export { AmbientLight, Box3, BufferAttribute, BufferGeometry, Color, CustomBlending, AddEquation, OneFactor, OneMinusSrcAlphaFactor,
  DataTexture, DoubleSide, FloatType, Group, InstancedBufferAttribute, InstancedBufferGeometry, Mesh, MeshBasicMaterial, MeshNormalMaterial,
  NearestFilter, PerspectiveCamera, Points, PointsMaterial, RGBAFormat, Scene, ShaderMaterial, SRGBColorSpace, Vector2, Vector3, WebGLRenderer, GLSL3, RGBAIntegerFormat, UnsignedIntType, DynamicDrawUsage, Sphere, DirectionalLight, HemisphereLight, MeshStandardMaterial, LinearSRGBColorSpace } from "three";
export { OrbitControls } from "three/addons/controls/OrbitControls.js";
export { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
